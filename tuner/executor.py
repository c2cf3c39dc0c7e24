"""Who answers and judges: this process, unless a run is spread over others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.backends.base import Backend
from proxy.evaluation.run import Judged, Task, evaluate
from proxy.judges.base import Judge


class Executor(Protocol):
    """Runs tasks in any order; what comes back depends on the task alone."""

    @property
    def in_flight(self) -> int:
        """Answers that are worked on at once, at most."""
        ...

    async def run(self, tasks: Sequence[Task], on_judged: Callable[[Judged], None]) -> None:
        """Answer and judge all of them; cancelling gives up what is in flight.

        Args:
            tasks: each once.
            on_judged: called on the event loop for each as soon as it is judged.

        Raises:
            BackendError: there is nobody left to run them.
            Exception: whatever ``on_judged`` raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """The default: the model, the judge and the search share one process.

    Args:
        backend: started.
        judge: started.
        in_flight: as in :class:`Executor`.
    """

    backend: Backend
    judge: Judge
    in_flight: int

    async def run(self, tasks: Sequence[Task], on_judged: Callable[[Judged], None]) -> None:
        """See :class:`Executor`."""
        await evaluate(
            self.backend, self.judge, tasks, concurrency=self.in_flight, on_judged=on_judged
        )
