"""What the parent and its workers say to each other, each over a socket pair of its own.

Both ends are this very code under one user, and nobody else can reach the pair: so messages are
pickled, as `multiprocessing` does it, and need no second description of policies and settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from proxy.backends.engine_state import EngineKey, EngineState
from proxy.domain import Priority, Verdict
from proxy.evaluation.run import Answer, Task
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


@dataclass(frozen=True, slots=True)
class Evaluate:
    """To a worker: answer and judge probes, and tell of each.

    Args:
        number: of this order.
        model: served name.
        tasks: by their place in the set that they belong to.
        concurrency: answers in flight at once.
        priority: of the requests.
    """

    number: int
    model: str
    tasks: Mapping[int, Task]
    concurrency: int
    priority: Priority


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker: answer no more of the order of that number."""

    number: int


@dataclass(frozen=True, slots=True)
class Probed:
    """From a worker: one probe is answered and judged.

    Args:
        number: of the order.
        at: the task's place.
        answer: what the model said.
        verdict: what the judge said of it.
    """

    number: int
    at: int
    answer: Answer
    verdict: Verdict


End = Literal["done", "handed_back", "failed"]
"""How an order came to its end: all is judged; another worker should do the rest, since this one is
about to end; or a bug, which is in the worker's log."""


@dataclass(frozen=True, slots=True)
class Ended:
    """From a worker: there will be no more of the order of that number."""

    number: int
    end: End


ToWorker = Orders | Policies | Engines | Ask | Evaluate | Stop
ToParent = Delta | Answered | Ready | Failed | Probed | Ended
