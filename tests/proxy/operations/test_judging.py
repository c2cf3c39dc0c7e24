"""Which judge speaks for which model."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import ModelLoadError
from proxy.judges.scripted import ScriptedJudge
from proxy.operations.judging import Judges, JudgesElsewhere


class _Counting(ScriptedJudge):
    """Counts how often it was started and closed; may refuse to start."""

    def __init__(self, *, starts: bool = True) -> None:
        super().__init__()
        self._may_start = starts
        self.started = self.closed = 0

    async def start(self) -> None:
        if not self._may_start:
            raise ModelLoadError("no such file", model="guard")
        self.started += 1

    async def close(self) -> None:
        self.closed += 1


def test_model_without_a_judge_of_its_own_has_the_common_one() -> None:
    """One default, and exceptions to it."""
    common, own = ScriptedJudge(), ScriptedJudge()
    judges = Judges(common, {"a": own})
    assert judges.of("a") is own
    assert judges.of("b") is common


def test_shared_judge_is_started_and_closed_once() -> None:
    """Else its model would be loaded twice."""
    common, shared = _Counting(), _Counting()
    judges = Judges(common, {"a": shared, "b": shared, "c": common})

    async def run() -> None:
        await judges.start()
        await judges.close()

    asyncio.run(run())
    assert [(judge.started, judge.closed) for judge in (common, shared)] == [(1, 1), (1, 1)]


def test_judge_that_cannot_start_is_told_and_all_can_be_closed() -> None:
    """The service then closes what stands."""
    common, broken = _Counting(), _Counting(starts=False)
    judges = Judges(common, {"a": broken})
    with pytest.raises(ModelLoadError):
        asyncio.run(judges.start())
    asyncio.run(judges.close())
    assert (common.started, common.closed, broken.closed) == (1, 1, 1)


def test_judges_that_work_elsewhere_are_closed_and_only_their_engines_started() -> None:
    """Nobody judges here: what a judge loads would be memory for nothing."""
    common, own = _Counting(), _Counting()
    started = []

    async def start_engines() -> None:
        started.append(True)

    async def run() -> None:
        judges = JudgesElsewhere(common, {"a": own}, start_engines=start_engines)
        await judges.start()
        await judges.close()

    asyncio.run(run())
    assert started == [True]
    assert [(judge.started, judge.closed) for judge in (common, own)] == [(0, 1), (0, 1)]
