"""What is measured and warmed: a policy version, for one served model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.backends.base import Backend
from proxy.domain import PolicyRef
from proxy.operations.policy_watch import PolicyWatch, live_policies
from proxy.operations.served import ServedModels
from proxy.policy.schema import Policy

TargetKey = tuple[str, PolicyRef]
"""The model's name and the policy's content: what one measurement is good for."""


@dataclass(frozen=True, slots=True)
class Target:
    """A policy that is live for a model."""

    backend: Backend
    policy: Policy

    @property
    def key(self) -> TargetKey:
        """What tells it apart from every other, also from the same policy before an edit."""
        return self.backend.model, self.policy.ref


def live_targets(
    models: ServedModels, policies: PolicyWatch, key_ids: Sequence[str]
) -> list[Target]:
    """Return the policies that are live now, for each model that can answer.

    Args:
        models: served.
        policies: in force.
        key_ids: ids of all API keys; none where the server asks for no key.
    """
    snapshot = policies.store.snapshot
    return [
        Target(backend, policy)
        for backend in models.ready()
        for policy in live_policies(snapshot, model=backend.model, key_ids=key_ids)
    ]
