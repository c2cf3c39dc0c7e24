"""A worker's end of the channel, with the test as its parent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.backends.borrowed import BorrowedEngines
from proxy.backends.engine_state import EngineState
from proxy.domain import PolicyRef, Priority
from proxy.metrics import Metrics
from proxy.metrics.deltas import Delta
from proxy.operations.judging import Judges
from proxy.operations.served import ServedModels
from proxy.policy.followed import FollowedStore
from proxy.policy.snapshot import Snapshot
from proxy.serve import link
from proxy.serve.channel import Channel, open_channel
from proxy.serve.link import Link
from proxy.serve.messages import Answered, Ask, Ended, Engines, Evaluate, Policies, Ready, Stop
from proxy.serve.probe_answers import ProbeAnswers
from tests.edge import StubJudge, scripted


@dataclass
class _Worker:
    """What a link connects."""

    parent: Channel
    link: Link
    metrics: Metrics
    policies: FollowedStore
    engines: BorrowedEngines
    probes: ProbeAnswers


@asynccontextmanager
async def _linked() -> AsyncIterator[_Worker]:
    ours, theirs = socket.socketpair()
    parent = await open_channel(ours)
    metrics, engines = Metrics(), BorrowedEngines()
    policies = FollowedStore(Path("policies"), Snapshot(number=1))
    probes = ProbeAnswers(ServedModels([scripted()]), Judges(StubJudge()))
    channel = await open_channel(theirs)
    async with Link(channel, metrics, policies, engines, probes) as worker:
        yield _Worker(parent, worker, metrics, policies, engines, probes)
    await probes.close()
    await parent.close()


async def _until_answered(worker: _Worker, number: int) -> float:
    """Ask for a report; return the errors of ours in all that comes before the answer."""
    worker.parent.send(Ask(number))
    total = 0.0
    while (message := await worker.parent.receive()) != Answered(number):
        assert isinstance(message, Delta)
        total += message.total("guardtune_internal_errors_total")
    return total


def test_asked_worker_reports_first_and_answers_then() -> None:
    """So that the answer says that everything before it is told."""

    async def act() -> None:
        async with _linked() as worker:
            worker.metrics.internal_errors.inc(3)
            assert await _until_answered(worker, 1) == 3
            assert await _until_answered(worker, 2) == 0

    asyncio.run(act())


def test_worker_reports_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to ask."""
    monkeypatch.setattr(link, "REPORT_EVERY_S", 0)

    async def act() -> None:
        async with _linked() as worker:
            worker.metrics.internal_errors.inc()
            message = await worker.parent.receive()
            while not message.total("guardtune_internal_errors_total"):
                message = await worker.parent.receive()

    asyncio.run(act())


def test_series_of_retired_policies_leave_the_worker_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows its metrics to nobody, so nobody's look cleans them."""
    monkeypatch.setattr(link, "REPORT_EVERY_S", 0)
    cleaned = asyncio.Event()
    monkeypatch.setattr(Metrics, "drop_retired", lambda _self: cleaned.set())

    async def act() -> None:
        async with _linked():
            await cleaned.wait()

    asyncio.run(act())


def test_version_that_a_stream_outlives_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although nothing was counted, and no gauge has changed."""
    monkeypatch.setattr(link, "REPORT_EVERY_S", 0)
    policy = PolicyRef("careful", "0" * 12)

    async def act() -> None:
        async with _linked() as worker:
            worker.metrics.policies_in_force([policy])
            with worker.metrics.measure(is_stream=True) as meter:
                meter.bind("m", policy)
                await _until_answered(worker, 1)
                worker.metrics.policies_in_force([])
                while (await worker.parent.receive()).outliving != {policy}:
                    pass

    asyncio.run(act())


def test_leaving_reports_the_rest() -> None:
    """What was counted while the worker drained."""

    async def act() -> None:
        async with _linked() as worker:
            worker.metrics.internal_errors.inc(2)
            worker.link.send(Ready())
        messages = []
        while (message := await worker.parent.receive()) is not None:
            messages.append(message)
        deltas = [message for message in messages if isinstance(message, Delta)]
        assert sum(item.total("guardtune_internal_errors_total") for item in deltas) == 2
        assert Ready() in messages

    asyncio.run(act())


def test_parent_is_followed() -> None:
    """Policies and engines are as it says."""

    async def act() -> None:
        async with _linked() as worker:
            state = EngineState("/e.sock", is_ready=True)
            worker.parent.send(Policies(Snapshot(number=7)))
            worker.parent.send(Engines({"key": state}))
            await _until_answered(worker, 1)
            assert worker.policies.snapshot.number == 7
            assert worker.engines.find("key") == state

    asyncio.run(act())


def test_probes_that_the_parent_asks_for_are_answered_until_it_stops_them() -> None:
    """What comes of them goes up the same channel."""

    async def act() -> None:
        async with _linked() as worker:
            worker.parent.send(Evaluate(1, "no-such-model", {}, 1, Priority.BACKGROUND))
            worker.parent.send(Stop(1))
            message = await worker.parent.receive()
            while not isinstance(message, Ended):
                message = await worker.parent.receive()
            assert message == Ended(1, "handed_back")

    asyncio.run(act())


def test_parent_that_takes_nothing_is_sent_no_more_and_everything_later() -> None:
    """Memory is bounded, and nothing is lost."""

    async def act() -> None:
        async with _linked() as worker:
            worker.link.send("x" * 2_000_000)  # type: ignore[arg-type]  # anything that clogs
            worker.metrics.internal_errors.inc(5)
            await asyncio.sleep(0)
            assert worker.link._channel.is_clogged
            assert await worker.parent.receive() == "x" * 2_000_000
            assert await _until_answered(worker, 1) == 5

    asyncio.run(act())
