"""What is measured and warmed: a policy version, for one served model."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.backends.base import Backend
from proxy.domain import PolicyRef
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
