"""Several evaluators as one executor: each takes the next task when it has a hand free.

A hand is free again once its task is answered: judging goes on beside it. What an evaluator loses
goes back to the others, and since an answer depends on its task alone, it does not matter who gives
it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from proxy.errors import BackendError
from proxy.evaluation.run import Answer, Judged, Task

LOSSES_IN_A_ROW = 8
"""Tasks that an evaluator may lose one after the other before the others do without it."""

_TRIES = 3
"""Losses after which a task's failure is what came of it, if as many evaluators have lost it, or
all that can take one now. One that is down loses whatever it takes, again and again until it is
found out, which says nothing of a task."""

_LATER = 2 * LOSSES_IN_A_ROW
"""Places by which a task that was lost goes back, for each evaluator. Not to the end, or only those
would be left in the end that nobody can answer, and all seem to be down; but far enough that those
that are down lose others first, and are found out."""

_JUDGED_BESIDE = 4
"""Answers that may wait for their verdicts, for each that an evaluator gives at once: a judge may
be so many times slower than the model and hold up nothing."""


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
    """Answers a few tasks at a time, and judges answers beside that."""

    @property
    def in_flight(self) -> int:
        """How many tasks."""
        ...

    def begin(self) -> None:
        """A round of tasks begins: whatever was wrong before may have been mended."""
        ...

    def acquit(self) -> None:
        """Nobody can answer a task that it has lost, so its losses say nothing of it."""
        ...

    async def ready(self) -> None:
        """Wait until it can take a task; nobody waits for it as long as others can.

        Raises:
            EvaluatorGoneError: it cannot take any for the rest of the round.
        """
        ...

    async def answer(self, task: Task) -> Answer:
        """Answer one task; a failed answer is one that nobody else would give either.

        Raises:
            LostTaskError: it could not be answered here.
        """
        ...

    async def assess(self, task: Task, answer: Answer) -> Judged:
        """Judge an answer of its own.

        Raises:
            LostTaskError: the answer is lost.
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
        if tasks:
            await _Round(self, tasks, on_judged).run()


class _Turn(NamedTuple):
    """A task that is left: those of lower place go first."""

    place: int
    number: int
    task: Task


class _Round:
    """One call of :meth:`Crew.run`: what is left to do, and how many are at work on it."""

    def __init__(
        self, crew: Crew, tasks: Sequence[Task], on_judged: Callable[[Judged], None]
    ) -> None:
        self._crew = crew
        self._on_judged = on_judged
        self._group = asyncio.TaskGroup()
        self._left: asyncio.PriorityQueue[_Turn] = asyncio.PriorityQueue()
        for number, task in enumerate(tasks):
            self._left.put_nowait(_Turn(number, number, task))
        self._open = len(tasks)
        self._over = asyncio.Event()
        self._losers: defaultdict[int, list[int]] = defaultdict(list)
        self._able: Counter[int] = Counter()
        self._room = [
            asyncio.Semaphore(_JUDGED_BESIDE * evaluator.in_flight) for evaluator in crew.evaluators
        ]
        self._at_work = 0
        self._gone: EvaluatorGoneError | None = None

    async def run(self) -> None:
        """Until each task has come to something."""
        owners = [
            owner
            for owner, evaluator in enumerate(self._crew.evaluators)
            for _ in range(min(evaluator.in_flight, self._open))
        ]
        self._at_work = len(owners)
        try:
            async with self._group as group:
                hands = [group.create_task(self._hand(owner)) for owner in owners]
                await self._over.wait()
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
                self._gone = gone
                self._leave()
                return
            self._able[owner] += 1
            turn = await self._left.get()
            try:
                answer = await evaluator.answer(turn.task)
                await self._room[owner].acquire()
                self._at_work += 1
                self._group.create_task(self._judge(owner, turn, answer))
            except LostTaskError as loss:
                self._lost(turn, loss.judged, by=owner)
                await asyncio.sleep(0)  # who waits for a task goes first
            finally:
                self._able[owner] -= 1

    async def _judge(self, owner: int, turn: _Turn, answer: Answer) -> None:
        try:
            self._done(await self._crew.evaluators[owner].assess(turn.task, answer))
        except LostTaskError as loss:
            self._lost(turn, loss.judged, by=owner)
        self._room[owner].release()
        self._leave()

    def _done(self, judged: Judged) -> None:
        self._on_judged(judged)
        self._open -= 1
        if not self._open:
            self._over.set()

    def _lost(self, turn: _Turn, judged: Judged | None, *, by: int) -> None:
        losers = self._losers[turn.number]
        if judged is not None:
            losers.append(by)
            if self._has_failed(losers):
                for owner in set(losers):
                    self._crew.evaluators[owner].acquit()
                self._done(judged)
                return
        later = _LATER * len(self._crew.evaluators)
        self._left.put_nowait(turn._replace(place=turn.place + later))

    def _has_failed(self, losers: Sequence[int]) -> bool:
        """Whether nobody who can be asked is left that has not lost the task."""
        able = {owner for owner, hands in self._able.items() if hands}
        has_been_tried = len(losers) >= _TRIES
        return has_been_tried and (len(set(losers)) >= _TRIES or able <= set(losers))

    def _leave(self) -> None:
        """One fewer is at work; those that judge count, since what they have in hand is kept."""
        self._at_work -= 1
        if not self._at_work and self._open:
            raise BackendError(
                f"Nobody is left to answer: {self._gone}. What was answered is kept: mend it, then "
                "`guardtune tune resume`.",
                model=self._crew.model,
                error_type="engine",
            )
