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


def fine(_task: Task) -> Answer:
    """An answer."""
    return Answer("x")


def lost(task: Task) -> Answer:
    """None."""
    raise LostTaskError(Judged(task, Answer("", error="timeout"), unanswered("toy-1", "timeout")))


@dataclass
class Fake:
    """An evaluator that does to each task what it is told, and counts."""

    does: Callable[[Task], Answer]
    in_flight: int = 3
    lasts: int = 1000
    rounds: int = 0
    acquitted: int = 0
    busy: int = 0
    busiest: int = 0
    asked: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """See :class:`tuner.crew.Evaluator`."""
        self.rounds += 1

    def acquit(self) -> None:
        """See :class:`tuner.crew.Evaluator`."""
        self.acquitted += 1

    async def ready(self) -> None:
        """See :class:`tuner.crew.Evaluator`."""
        if self.asked.total() >= self.lasts:
            raise EvaluatorGoneError("it burnt down")

    async def answer(self, task: Task) -> Answer:
        """See :class:`tuner.crew.Evaluator`."""
        self.asked[task.prompt.id] += 1
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        return self.does(task)

    async def assess(self, task: Task, answer: Answer) -> Judged:
        """See :class:`tuner.crew.Evaluator`."""
        return Judged(task, answer, Verdict("toy-1", "scored"))


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
    crew = [Fake(lost, lasts=4), Fake(fine)]
    assert [one.answer.error for one in run(*crew)] == [None] * len(TASKS)
    assert crew[0].asked.total() >= 4


def test_nobody_waits_for_one_that_is_not_ready() -> None:
    """A worker that a full cluster has no room for."""

    class Waiting(Fake):
        async def ready(self) -> None:
            await asyncio.Event().wait()

    assert len(run(Waiting(fine), Fake(fine))) == len(TASKS)


def test_what_was_not_begun_is_no_loss() -> None:
    """However often: its worker had died before it was given."""
    refusals = Counter[str]()

    def late(task: Task) -> Answer:
        refusals[task.prompt.id] += 1
        if refusals[task.prompt.id] <= 5:
            raise LostTaskError(None)
        return fine(task)

    assert [one.answer.error for one in run(Fake(late))] == [None] * len(TASKS)


def test_a_task_that_everybody_loses_has_failed() -> None:
    """After a few tries, and the others are not kept waiting."""

    def cursed(task: Task) -> Answer:
        return lost(task) if task is TASKS[4] else fine(task)

    crew = [Fake(cursed), Fake(cursed)]
    errors = [one.answer.error for one in run(*crew)]
    assert Counter(errors) == {None: len(TASKS) - 1, "timeout": 1}
    tries = [one.asked[TASKS[4].prompt.id] for one in crew]
    assert min(tries) >= 1
    assert 3 <= sum(tries) <= 6
    assert [one.acquitted for one in crew] == [1, 1]


def test_one_that_loses_everything_does_not_use_up_the_tries_of_the_others() -> None:
    """It takes each task again as soon as it has lost it, while the others are busy answering."""

    class Slow(Fake):
        async def answer(self, task: Task) -> Answer:
            for _ in range(20):
                await asyncio.sleep(0)
            return await super().answer(task)

    dead = Fake(lost, in_flight=8, lasts=100)
    assert [one.answer.error for one in run(dead, Slow(fine, 1))] == [None] * len(TASKS)
    assert max(dead.asked.values()) > 3


def test_a_task_that_all_who_can_be_asked_have_lost_has_failed() -> None:
    """Nobody waits for one that is not ready, or gone."""

    class Waiting(Fake):
        async def ready(self) -> None:
            await asyncio.Event().wait()

    alone = Fake(lost)
    crew = (Waiting(fine), Fake(fine, lasts=0), alone)
    assert {one.answer.error for one in run(*crew)} == {"timeout"}
    assert set(alone.asked.values()) == {3}


def test_nobody_left_is_an_error_that_says_how_to_go_on() -> None:
    """What was answered was handed over."""
    seen: list[Judged] = []
    crew = (Fake(fine, lasts=3), Fake(fine, lasts=3))
    with pytest.raises(BackendError, match=r"it burnt down.*`guardtune tune resume`"):
        asyncio.run(Crew("toy", crew).run(TASKS, seen.append))
    assert 6 <= len(seen) < len(TASKS)


def test_who_is_gone_when_all_is_done_is_no_error() -> None:
    """Nobody is left, and nothing either."""
    assert len(run(Fake(fine, lasts=len(TASKS)))) == len(TASKS)


@dataclass
class Judging(Fake):
    """Its judge takes so many turns of the loop, where an answer takes one."""

    judges: int = 0
    judging: int = 0
    most_judging: int = 0
    busy_beside: list[int] = field(default_factory=list)

    async def assess(self, task: Task, answer: Answer) -> Judged:
        """Slowly."""
        self.judging += 1
        self.most_judging = max(self.most_judging, self.judging)
        for _ in range(self.judges):
            await asyncio.sleep(0)
            if self.asked.total() < len(TASKS):
                self.busy_beside.append(self.busy)
        self.judging -= 1
        return await super().assess(task, answer)


def test_answers_go_on_while_others_are_judged() -> None:
    """As many as ever are allowed, and never more."""
    judging = Judging(fine, in_flight=2, judges=3)
    assert len(run(judging)) == len(TASKS)
    assert judging.busiest == 2
    assert judging.most_judging > 2
    assert set(judging.busy_beside) == {2}


def test_answers_wait_for_a_judge_that_is_far_behind() -> None:
    """What a kill would cost is bounded."""
    judging = Judging(fine, in_flight=2, judges=100)
    assert len(run(judging)) == len(TASKS)
    assert (judging.busiest, judging.most_judging) == (2, 8)


def test_what_the_last_one_has_answered_is_judged_before_the_run_ends() -> None:
    """It burns down while its judge is still reading."""
    seen: list[Judged] = []
    crew = (Judging(fine, lasts=6, judges=20),)
    with pytest.raises(BackendError, match="it burnt down"):
        asyncio.run(Crew("toy", crew).run(TASKS, seen.append))
    assert len(seen) == crew[0].asked.total() >= 6


def test_an_answer_that_is_lost_before_it_is_judged_is_given_again() -> None:
    """Its worker died."""

    class Forgetful(Fake):
        async def assess(self, task: Task, answer: Answer) -> Judged:
            if self.asked[task.prompt.id] == 1:
                raise LostTaskError(None)
            return await super().assess(task, answer)

    forgetful = Forgetful(fine)
    assert [one.answer.error for one in run(forgetful)] == [None] * len(TASKS)
    assert set(forgetful.asked.values()) == {2}


def test_whatever_the_listener_raises_comes_out() -> None:
    """A full disk."""

    def full(_judged: Judged) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(Crew("toy", (Fake(fine),)).run(TASKS, full))
