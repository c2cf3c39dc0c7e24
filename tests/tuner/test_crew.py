"""Several evaluators share tasks, and what one loses the others do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from proxy.domain import Verdict
from proxy.errors import BackendError
from proxy.evaluation.run import Answer, Judged, Task, tasks_for, unanswered
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.toy import toy_prompt
from tuner.crew import Crew, EvaluatorGoneError, LostTaskError

TASKS = tasks_for(
    PASSTHROUGH, [toy_prompt("harmful", "search", number) for number in range(20)],
    run_seed=1, max_tokens=8,
)  # fmt: skip


def fine(task: Task) -> Judged:
    """An answer."""
    return Judged(task, Answer("x"), Verdict("toy-1", "scored"))


def lost(task: Task) -> Judged:
    """None."""
    raise LostTaskError(Judged(task, Answer("", error="timeout"), unanswered("toy-1", "timeout")))


def gone(task: Task) -> Judged:
    """Nor ever again."""
    raise EvaluatorGoneError("it burnt down")


@dataclass
class Fake:
    """An evaluator that does to each task what it is told, and counts."""

    does: Callable[[Task], Judged]
    in_flight: int = 3
    rounds: int = 0
    busy: int = 0
    busiest: int = 0
    asked: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """See :class:`tuner.crew.Evaluator`."""
        self.rounds += 1

    async def answer(self, task: Task) -> Judged:
        """See :class:`tuner.crew.Evaluator`."""
        self.asked[task.prompt.id] += 1
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        return self.does(task)


def run(*evaluators: Fake, tasks: tuple[Task, ...] = TASKS) -> list[Judged]:
    """What came of the tasks, by prompt."""
    seen: list[Judged] = []
    asyncio.run(Crew("toy", evaluators).run(tasks, seen.append))
    return sorted(seen, key=lambda judged: judged.task.prompt.id)


def test_all_take_part_and_none_does_more_at_once_than_it_can() -> None:
    """Each task is answered once."""
    crew = [Fake(fine, 2), Fake(fine, 5)]
    assert len(run(*crew)) == len({one.task.prompt.id for one in run(*crew)}) == len(TASKS)
    assert [one.busiest for one in crew] == [2, 5]
    assert Crew("toy", tuple(crew)).in_flight == 7
    assert [one.rounds for one in crew] == [2, 2]


def test_no_tasks_are_done_at_once() -> None:
    """A resumed run knows all."""
    assert run(Fake(fine), tasks=()) == []


def test_what_one_loses_the_others_do() -> None:
    """Every answer is there in the end."""
    assert {one.answer.error for one in run(Fake(gone), Fake(fine))} == {None}


def test_a_task_that_everybody_loses_has_failed() -> None:
    """After a few tries, and the others are not kept waiting."""

    def cursed(task: Task) -> Judged:
        return lost(task) if task is TASKS[4] else fine(task)

    crew = [Fake(cursed), Fake(cursed)]
    errors = [one.answer.error for one in run(*crew)]
    assert Counter(errors) == {None: len(TASKS) - 1, "timeout": 1}
    assert sum(one.asked[TASKS[4].prompt.id] for one in crew) == 3


def test_nobody_left_is_an_error_that_says_how_to_go_on() -> None:
    """What was answered was handed over."""
    seen: list[Judged] = []

    def some(task: Task) -> Judged:
        return fine(task) if len(seen) < 4 else gone(task)

    with pytest.raises(BackendError, match=r"it burnt down.*`guardtune tune resume`"):
        asyncio.run(Crew("toy", (Fake(some), Fake(some))).run(TASKS, seen.append))
    assert len(seen) >= 4


def test_whatever_the_listener_raises_comes_out() -> None:
    """A full disk."""

    def full(_judged: Judged) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(Crew("toy", (Fake(fine),)).run(TASKS, full))
