"""A worker's part in probing, on scripted models and a judge that waits for the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.domain import Priority, Prompt
from proxy.evaluation.run import Task
from proxy.operations.judging import Judges
from proxy.operations.served import ServedModels
from proxy.policy.schema import PASSTHROUGH
from proxy.serve.messages import Ended, Evaluate, Probed, ToParent
from proxy.serve.probe_answers import ProbeAnswers
from tests.edge import StubJudge, scripted

GIVE_UP_S = 30


def _order(number: int, *places: int, model: str = "fake") -> Evaluate:
    tasks = {
        at: Task(PASSTHROUGH, Prompt(f"p{at}", f"prompt {at}", "harmful", "advice", "s"), at, 8)
        for at in places
    }
    return Evaluate(number, model, tasks, concurrency=2, priority=Priority.BACKGROUND)


class _Kit:
    """Probes of one worker, and what it has told its parent."""

    def __init__(self) -> None:
        self.judge = StubJudge()
        self.models = ServedModels([scripted()])
        self.probes = ProbeAnswers(self.models, Judges(self.judge))
        self.told: list[ToParent] = []
        self.news = asyncio.Event()

    def send(self, message: ToParent) -> None:
        self.told.append(message)
        self.news.set()

    async def until_ended(self) -> Ended:
        while not (self.told and isinstance(self.told[-1], Ended)):
            self.news.clear()
            await self.news.wait()
        return self.told[-1]


def _run(act: Callable[[_Kit], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(GIVE_UP_S):
            kit = _Kit()
            await kit.models.start()
            await act(kit)

    asyncio.run(bounded())


def test_each_answer_is_told_with_its_place_and_then_the_end() -> None:
    """Places are the parent's, and need not begin at 0."""

    async def act(kit: _Kit) -> None:
        kit.probes.begin(_order(7, 3, 5), kit.send)
        assert await kit.until_ended() == Ended(7, "done")
        probed = [message for message in kit.told if isinstance(message, Probed)]
        assert sorted(item.at for item in probed) == [3, 5]
        assert {(item.number, item.answer.text) for item in probed} == {(7, "OK.")}
        assert all(item.verdict.status == "scored" for item in probed)

    _run(act)


def test_what_a_worker_cannot_end_is_handed_back() -> None:
    """It is about to stop: what is not judged by then is for another worker, and so is the next."""

    async def act(kit: _Kit) -> None:
        kit.judge.gate = asyncio.Event()
        kit.probes.begin(_order(1, 0, 1), kit.send)
        await asyncio.sleep(0)
        await kit.probes.close()
        assert kit.told == [Ended(1, "handed_back")]
        kit.probes.begin(_order(2, 0), kit.send)
        assert kit.told[1:] == [Ended(2, "handed_back")]

    _run(act)


def test_order_that_is_stopped_ends_at_once() -> None:
    """Also one that has not begun to answer; and others go on."""

    async def act(kit: _Kit) -> None:
        kit.probes.begin(_order(1, 0), kit.send)
        kit.probes.stop(1)
        kit.probes.stop(99)
        assert await kit.until_ended() == Ended(1, "handed_back")
        kit.told.clear()
        kit.probes.begin(_order(2, 0), kit.send)
        assert await kit.until_ended() == Ended(2, "done")

    _run(act)


def test_bug_is_told_as_an_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent does not wait for ever."""

    def fail(*_: object) -> None:
        raise ValueError("a bug")

    async def act(kit: _Kit) -> None:
        monkeypatch.setattr(kit.models.find("fake"), "chat", fail)
        kit.probes.begin(_order(1, 0), kit.send)
        assert await kit.until_ended() == Ended(1, "failed")

    _run(act)
    assert "a bug" in caplog.text
