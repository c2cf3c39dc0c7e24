"""Policy settings that a served model cannot honour: said when a policy is loaded, not dropped."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxy.backends.base import Backend
from proxy.policy.match import glob_length
from proxy.policy.plan import plan_for
from proxy.policy.schema import Policy
from proxy.policy.snapshot import Snapshot
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ignored:
    """Settings of a policy that one model ignores."""

    policy: Policy
    model: str
    settings: tuple[str, ...]


def ignored_settings(snapshot: Snapshot, backends: Iterable[Backend]) -> tuple[Ignored, ...]:
    """Return what would be ignored, for each policy and each model that it matches by name.

    Args:
        snapshot: what is in force.
        backends: started ones; what they honour is known only then.
    """
    return tuple(_ignored(snapshot, tuple(backends)))


def warn_of_ignored(found: Iterable[Ignored]) -> None:
    """Log each once."""
    for item in found:
        line = logfmt(
            "policy_settings_ignored",
            policy=item.policy.ref,
            model=item.model,
            settings=",".join(item.settings),
        )
        _log.warning("%s", line)


def _ignored(snapshot: Snapshot, backends: tuple[Backend, ...]) -> Iterator[Ignored]:
    for policy in snapshot.policies:
        for backend in backends:
            settings = plan_for(policy, backend.capabilities).ignored
            if settings and glob_length(policy, backend.model) is not None:
                yield Ignored(policy, backend.model, settings)
