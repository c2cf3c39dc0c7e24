"""What the parent and its workers say to each other, each over a socket pair of its own.

Both ends are this very code under one user, and nobody else can reach the pair: so messages are
pickled, as `multiprocessing` does it, and need no second description of policies and settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.backends.engine_state import EngineKey, EngineState
from proxy.metrics.deltas import Delta
from proxy.policy.snapshot import Snapshot
from proxy.settings import Settings


@dataclass(frozen=True, slots=True)
class Orders:
    """The first message to a worker.

    Args:
        settings: its own: its share of the limits, and no probes.
        name: for the log.
        pages_path: the socket where the parent answers what is one for all workers.
        policies: what is in force.
        engines: how the engines are.
        is_replacement: whether others serve already.
    """

    settings: Settings
    name: str
    pages_path: str
    policies: Snapshot
    engines: Mapping[EngineKey, EngineState]
    is_replacement: bool


@dataclass(frozen=True, slots=True)
class Policies:
    """To workers: what is in force from now on."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Engines:
    """To workers: how the engines are now."""

    states: Mapping[EngineKey, EngineState]


@dataclass(frozen=True, slots=True)
class Ask:
    """To a worker: report at once, and say that it was this."""

    number: int


@dataclass(frozen=True, slots=True)
class Answered:
    """From a worker: everything counted before this `Ask` has been reported."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: everything is loaded."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: it cannot start.

    Args:
        message: why.
        is_mistake: whether the user can mend it; else it is a bug.
    """

    message: str
    is_mistake: bool


ToWorker = Orders | Policies | Engines | Ask
ToParent = Delta | Answered | Ready | Failed
