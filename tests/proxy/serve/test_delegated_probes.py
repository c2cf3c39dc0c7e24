"""Probes done by workers that die: each answer is handed over once, by whomever it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal, cast

import pytest

from proxy.domain import Priority, Prompt, Verdict
from proxy.evaluation.run import Answer, Judged, Task
from proxy.policy.schema import PASSTHROUGH
from proxy.serve.delegated_probes import MOST_DEATHS, DelegatedProbes
from proxy.serve.messages import End
from proxy.serve.worker_process import OnProbed, WorkerProcess
from tests.edge import StubJudge, scripted

TASKS = tuple(
    Task(PASSTHROUGH, Prompt(f"p{at}", f"prompt {at}", "harmful", "advice", "s"), at, 8)
    for at in range(5)
)
VERDICT = Verdict("stub-1", "scored", harmful=False)


class _Worker:
    """Answers some of what it is asked, and comes to an end."""

    def __init__(self, count: int, end: End | Literal["died"]) -> None:
        self._count = count
        self._end = end
        self.asked: list[int] = []

    async def evaluate(
        self,
        model: str,
        tasks: Mapping[int, Task],
        *,
        concurrency: int,
        priority: Priority,
        on_probed: OnProbed,
    ) -> End | Literal["died"]:
        assert (model, concurrency, priority) == ("fake", 2, Priority.BACKGROUND)
        self.asked = list(tasks)
        for at in self.asked[: self._count]:
            on_probed(at, Answer(f"answer {at}"), VERDICT)
        return self._end


def _evaluate(*workers: _Worker) -> list[Judged]:
    left = list(workers)
    judged: list[Judged] = []

    async def prober() -> WorkerProcess:
        return cast("WorkerProcess", left.pop(0))

    async def run() -> None:
        await DelegatedProbes(prober).evaluate(
            scripted(),
            StubJudge(),
            TASKS,
            concurrency=2,
            priority=Priority.BACKGROUND,
            on_judged=judged.append,
        )

    try:
        asyncio.run(run())
    finally:
        assert left == []
        assert len({item.task.prompt.id for item in judged}) == len(judged)
    return judged


def test_worker_does_it_all() -> None:
    """The tasks are the caller's own."""
    judged = _evaluate(_Worker(5, "done"))
    assert [item.task for item in judged] == list(TASKS)
    assert [item.answer.text for item in judged] == [f"answer {at}" for at in range(5)]


@pytest.mark.parametrize("end", ["died", "handed_back"])
def test_another_worker_does_what_is_left(end: Literal["died", "handed_back"]) -> None:
    """And nothing of what was done."""
    second = _Worker(5, "done")
    assert len(_evaluate(_Worker(2, end), second)) == 5
    assert second.asked == [2, 3, 4]


def test_prompts_over_which_workers_die_are_given_up() -> None:
    """Users need the others; what was judged is kept."""
    workers = [_Worker(1, "died") for _ in range(MOST_DEATHS + 1)]
    with pytest.raises(RuntimeError, match="2 probes of fake: a worker died"):
        _evaluate(*workers)


def test_bug_in_a_worker_is_not_tried_on_the_next() -> None:
    """It would be there, too."""
    with pytest.raises(RuntimeError, match="a worker failed"):
        _evaluate(_Worker(1, "failed"))
