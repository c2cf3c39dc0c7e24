"""GuardTune as a callback of the LiteLLM proxy: policies on what it is asked, without another hop.

In LiteLLM's configuration, with ``GUARDTUNE_POLICIES`` naming the policy folder:

    litellm_settings:
      callbacks: ["proxy.adapters.litellm_hook.guardtune"]
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import prometheus_client
from litellm.integrations.custom_logger import (  # noqa: TID253 - only LiteLLM loads this file
    CustomLogger,
)
from prometheus_client import CollectorRegistry

from proxy.adapters.litellm_calls import GUARDED, HARMLESS
from proxy.adapters.litellm_models import capabilities_of, find
from proxy.adapters.litellm_options import LiteLLMOptions, from_environment
from proxy.adapters.litellm_request import Data, asked, changed
from proxy.adapters.watched import WatchedPolicies
from proxy.errors import RequestError
from proxy.guard import Guard, policy_headers
from proxy.metrics.recorder import UNKNOWN_MODEL
from proxy.policy.plan import plan_for
from proxy.wire.logfmt import logfmt
from proxy.wire.routes import Route

_log = logging.getLogger(__name__)
_FAILED = RequestError(
    "GuardTune could not apply a policy to this request, so that it was refused. The log has the "
    "reason.",
    status=503,
    error_type="server_error",
    code="guard_failed",
)


class RefusedError(Exception):
    """A refusal in the form that LiteLLM makes an OpenAI error of: by its attributes.

    LiteLLM writes the status where OpenAI has a code; ours stands in ``provider_specific_fields``.
    """

    def __init__(self, error: RequestError) -> None:
        super().__init__(error.message)
        self.message = error.message
        self.status_code = error.status
        self.type = error.error_type
        self.param = error.param
        self.code = error.code
        self.provider_specific_fields = {"guardtune_code": error.code} if error.code else None


class _Said(NamedTuple):
    """What is to be said of a request once it is answered.

    Args:
        headers: of the answer.
        unguarded: the route that it was on, where no policy guarded it.
    """

    headers: Mapping[str, str]
    unguarded: str | None


class GuardTuneHook(CustomLogger):  # type: ignore[misc]  # litellm's types are not followed
    """Puts requests to a LiteLLM proxy under policies, before it chooses who answers.

    It fails closed: a request that no policy could be applied to, though one should have been, is
    not sent on.

    Args:
        options: what to do.
        registry: where our figures are shown; LiteLLM's own ``/metrics`` shows the default one.

    Raises:
        PolicyError: there is no such folder.
    """

    enforces_request_content = True
    """Have LiteLLM show us each record of a batch file, too, and take over what we make of it."""

    def __init__(self, options: LiteLLMOptions, registry: CollectorRegistry | None) -> None:
        super().__init__()
        self._options = options
        self._policies = WatchedPolicies(options.policies, registry)
        self._metrics = self._policies.metrics
        self._guard = Guard(
            self._policies.store, self._metrics, require_policy=options.require_policy
        )
        self._said: WeakKeyDictionary[Any, _Said] = WeakKeyDictionary()

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: Data, call_type: str
    ) -> Data:
        """Put one request under its policy.

        Raises:
            RefusedError: it may not pass, or we failed and are to fail closed.
        """
        del cache
        outcome = self._outcome(user_api_key_dict, data, call_type)
        if isinstance(outcome, RequestError):
            # Not in an except clause: LiteLLM looks for reasons of its own in an error's context.
            raise RefusedError(outcome)
        # Batch records have none, and no answer of their own either.
        if (call := data.get("litellm_logging_obj")) is not None:
            self._said[call] = outcome
        return data

    async def async_post_call_response_headers_hook(
        self,
        data: Data,
        user_api_key_dict: Any,
        response: Any,
        request_headers: Any = None,
        litellm_call_info: Any = None,
    ) -> dict[str, str] | None:
        """Say which policy answered; count an answer that none guarded."""
        del user_api_key_dict, request_headers, litellm_call_info
        call = data.get("litellm_logging_obj")
        said = None if call is None else self._said.pop(call, None)
        if said is None:
            return None
        if response is not None and said.unguarded is not None:
            self._metrics.unguarded.labels(said.unguarded).inc()
        return dict(said.headers)

    def _outcome(self, caller: Any, data: Data, call_type: str) -> _Said | RequestError:
        try:
            self._policies.follow()
            return self._guarded(caller, data, call_type)
        except RequestError as refusal:
            return refusal
        except Exception:  # noqa: BLE001 - the edge of LiteLLM: logged, counted, and answered
            self._metrics.internal_errors.inc()
            _log.exception("%s", logfmt("litellm_hook_failed", id=data.get("litellm_call_id")))
        is_closed = self._options.litellm_on_failure == "closed"
        return _FAILED if is_closed else _Said({}, _route_name(call_type))

    def _guarded(self, caller: Any, data: Data, call_type: str) -> _Said:
        route = GUARDED.get(call_type)
        if route is not None:
            return self._under_policy(caller, data, route)
        if call_type in HARMLESS:
            return _Said({}, None)
        if call_type in self._options.litellm_passthrough:
            return _Said({}, call_type)
        raise RequestError(
            f"No policy can be applied to LiteLLM's `{call_type}`. An operator can let it pass "
            "unguarded: GUARDTUNE_LITELLM_PASSTHROUGH.",
            status=403,
            error_type="permission_error",
            code="route_not_guarded",
        )

    def _under_policy(self, caller: Any, data: Data, route: Route) -> _Said:
        named = data.get("model")
        if not isinstance(named, str) or "," in named:
            raise RequestError("Ask one model, by its name.", param="model", code="invalid_model")
        found = find(named, team_id=getattr(caller, "team_id", None))
        before = asked(data, route, model=found.name, key_id=getattr(caller, "key_alias", None))
        capabilities = capabilities_of(found.deployments, route)
        policy = self._guard.choose(before.request)
        applied = self._guard.apply(
            policy,
            before.request,
            capabilities,
            is_strict=self._options.strict,
            counted_as=found.name if found.is_known else UNKNOWN_MODEL,
        )
        change = changed(before, applied, plan_for(policy, capabilities))
        if change.beside and self._options.strict:
            raise RequestError(
                f"Leave these out: {', '.join(f'`{name}`' for name in change.beside)}.",
                param=change.beside[0],
                code="enforced_by_policy",
            )
        change.put_into(data)
        told = msgspec.structs.replace(applied, overridden=(*applied.overridden, *change.beside))
        headers = {name.decode(): value.decode() for name, value in policy_headers(told)}
        return _Said(headers, None if applied.guards else route.path)


def _route_name(call_type: str) -> str:
    """Name a call in a metric: as our own route where it is one."""
    return GUARDED[call_type].path if call_type in GUARDED else call_type


def __getattr__(name: str) -> GuardTuneHook:
    """Make the hook when LiteLLM asks for it by the name in its configuration."""
    if name != "guardtune":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    hook = GuardTuneHook(from_environment(os.environ), prometheus_client.REGISTRY)
    globals()[name] = hook
    return hook
