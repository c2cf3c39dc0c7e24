"""Steps of rollouts for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from proxy.policy.rollout import Entry, Figures, Step
from proxy.policy.schema import Policy

START = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def step(kind: Step, policy: Policy, *, minute: int = 0, who: str = "cli:ada") -> Entry:
    """A step about a policy's version."""
    return Entry(
        at=START + timedelta(minutes=minute),
        who=who,
        step=kind,
        policy=policy.name,
        sha=policy.sha,
        why="because",
    )


def figures(lower: float = -0.1, upper: float = 0.1, *, n: int = 40) -> Figures:
    """Figures with these bounds."""
    return Figures(both=0, only_new=0, only_old=0, neither=n, lower=lower, upper=upper)
