"""A request put under the policies in force, whoever answers it.

The pipeline does so before it asks a backend; the adapters do so in other people's servers.
"""

from __future__ import annotations

from proxy.domain import Capabilities, ChatRequest
from proxy.errors import RequestError
from proxy.metrics import Metrics
from proxy.policy.apply import Applied, apply
from proxy.policy.match import policy_for
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.store import PolicyStore
from proxy.wire.errors import Headers


class Guard:
    """Chooses and applies policies, and counts what of them cannot be honoured.

    Args:
        policies: their current snapshot is read once a request.
        metrics: counts.
        require_policy: refuse (403) a request that no policy matches.
    """

    def __init__(self, policies: PolicyStore, metrics: Metrics, *, require_policy: bool) -> None:
        self._policies = policies
        self._metrics = metrics
        self._require_policy = require_policy

    def choose(self, request: ChatRequest) -> Policy:
        """Return the policy that matches a request; PASSTHROUGH where none does.

        Raises:
            RequestError: 403; none does, and there has to be one.
        """
        policy = policy_for(request, self._policies.snapshot)
        if policy is PASSTHROUGH and self._require_policy:
            raise RequestError(
                f"No policy matches the model `{request.model[:80]}`, and one is required here.",
                status=403,
                error_type="permission_error",
                code="policy_required",
            )
        return policy

    def apply(
        self,
        policy: Policy,
        request: ChatRequest,
        capabilities: Capabilities,
        *,
        is_strict: bool,
        counted_as: str | None = None,
    ) -> Applied:
        """Return a request under a policy; count what of the policy is ignored.

        Args:
            policy: the one that was chosen.
            request: as the client sent it.
            capabilities: of whoever answers.
            is_strict: refuse what cannot be honoured, and what would undo the policy.
            counted_as: the model's name as a metric label, one of a closed set; None for the
                request's own.

        Raises:
            RequestError: 400; it is strict, and there is something to refuse.
        """
        applied = apply(policy, request, capabilities)
        if applied.ignored or applied.overridden:
            if is_strict:
                raise _refusal(applied, request.model)
            for setting in applied.ignored:
                self._metrics.settings_ignored.labels(counted_as or request.model, setting).inc()
        return applied


def policy_headers(applied: Applied) -> Headers:
    """Return what an answer says of its policy: which one it is, and what it could not do."""
    ours = [(b"x-guardtune-policy", str(applied.policy).encode())]
    if applied.ignored:
        ours.append((b"x-guardtune-ignored", ", ".join(applied.ignored).encode()))
    if applied.overridden:
        ours.append((b"x-guardtune-overridden", ", ".join(applied.overridden).encode()))
    return tuple(ours)


def _refusal(applied: Applied, model: str) -> RequestError:
    """Say what a strict model would have to ignore of the policy, or override of the request."""
    if applied.ignored:
        names = ", ".join(f"`{name}`" for name in applied.ignored)
        return RequestError(
            f"The policy {applied.policy} sets what `{model[:80]}` cannot honour here: {names}.",
            param="model",
            code="policy_not_honoured",
        )
    names = ", ".join(f"`{name}`" for name in applied.overridden)
    return RequestError(
        f"The policy {applied.policy} sets these; leave them out: {names}.",
        param=applied.overridden[0],
        code="enforced_by_policy",
    )
