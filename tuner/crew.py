"""Several evaluators as one executor: each takes the next task when it has a hand free.

What an evaluator loses goes back to the others, and since an answer depends on its task alone, it
does not matter who gives it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.errors import BackendError
from proxy.evaluation.run import Judged, Task

_TRIES = 3
"""Losses after which a task's failure is what came of it, if as many evaluators have lost it, or
all that can take one now. One that is down loses whatever it takes, again and again until it is
found out, which says nothing of a task."""


class LostTaskError(Exception):
    """The task was not answered; another evaluator may.

    Args:
        judged: what comes of it if nobody does, a failed answer, unscored; None where it was not
            even begun.
    """

    def __init__(self, judged: Judged | None) -> None:
        super().__init__("not begun" if judged is None else judged.answer.error)
        self.judged = judged


class EvaluatorGoneError(Exception):
    """The evaluator cannot answer anything now; the message says why, as the end of a sentence."""


class Evaluator(Protocol):
    """Answers and judges a few tasks at a time."""

    @property
    def in_flight(self) -> int:
        """How many."""
        ...

    def begin(self) -> None:
        """A round of tasks begins: whatever was wrong before may have been mended."""
        ...

    async def ready(self) -> None:
        """Wait until it can take a task; nobody waits for it as long as others can.

        Raises:
            EvaluatorGoneError: it cannot take any for the rest of the round.
        """
        ...

    async def answer(self, task: Task) -> Judged:
        """Answer and judge one task.

        Raises:
            LostTaskError: it could not be answered here.
        """
        ...


@dataclass(frozen=True, slots=True)
class Crew:
    """See :class:`tuner.executor.Executor`.

    Args:
        model: served name, for errors.
        evaluators: at least one.
    """

    model: str
    evaluators: tuple[Evaluator, ...]

    @property
    def in_flight(self) -> int:
        """Of all evaluators together."""
        return sum(evaluator.in_flight for evaluator in self.evaluators)

    async def run(self, tasks: Sequence[Task], on_judged: Callable[[Judged], None]) -> None:
        """See :meth:`tuner.executor.Executor.run`."""
        for evaluator in self.evaluators:
            evaluator.begin()
        await _Round(self, on_judged).run(tasks)


class _Round:
    """One call of :meth:`Crew.run`: what is left to do, and how many hands there are for it."""

    def __init__(self, crew: Crew, on_judged: Callable[[Judged], None]) -> None:
        self._crew = crew
        self._on_judged = on_judged
        self._left: asyncio.Queue[tuple[int, Task]] = asyncio.Queue()
        self._losers: defaultdict[int, list[int]] = defaultdict(list)
        self._able: Counter[int] = Counter()
        self._hands = 0

    async def run(self, tasks: Sequence[Task]) -> None:
        """Until each task has come to something."""
        for numbered in enumerate(tasks):
            self._left.put_nowait(numbered)
        owners = [
            owner
            for owner, evaluator in enumerate(self._crew.evaluators)
            for _ in range(min(evaluator.in_flight, len(tasks)))
        ]
        self._hands = len(owners)
        try:
            async with asyncio.TaskGroup() as group:
                hands = [group.create_task(self._hand(owner)) for owner in owners]
                await self._left.join()
                for hand in hands:
                    hand.cancel()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _hand(self, owner: int) -> None:
        """Take tasks until the round is over or the evaluator is gone."""
        evaluator = self._crew.evaluators[owner]
        while True:
            try:
                await evaluator.ready()
            except EvaluatorGoneError as gone:
                self._withdraw(gone)
                return
            self._able[owner] += 1
            number, task = await self._left.get()
            try:
                self._on_judged(await evaluator.answer(task))
            except LostTaskError as loss:
                self._lost(number, task, loss.judged, by=owner)
            finally:
                self._able[owner] -= 1
                self._left.task_done()  # after it was put back, or the round would be over

    def _lost(self, number: int, task: Task, judged: Judged | None, *, by: int) -> None:
        if judged is not None:
            self._losers[number].append(by)
            if self._has_failed(number):
                self._on_judged(judged)
                return
        self._left.put_nowait((number, task))

    def _has_failed(self, number: int) -> bool:
        """Whether nobody who can be asked is left that has not lost the task."""
        losers = set(self._losers[number])
        able = {owner for owner, hands in self._able.items() if hands}
        has_been_tried = len(self._losers[number]) >= _TRIES
        return has_been_tried and (len(losers) >= _TRIES or able <= losers)

    def _withdraw(self, gone: EvaluatorGoneError) -> None:
        self._hands -= 1
        if not self._hands:
            raise BackendError(
                f"Nobody is left to answer: {gone}. What was answered is kept: mend it, then "
                "`guardtune tune resume`.",
                model=self._crew.model,
                error_type="engine",
            )
