"""A worker as its parent sees it: a small program in its place, over the real channel."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.metrics.deltas import Delta
from proxy.policy.snapshot import Snapshot
from proxy.serve import worker_process
from proxy.serve.listener import another, reserve
from proxy.serve.messages import Failed, Orders
from proxy.serve.worker_process import WorkerProcess, spawn_worker
from proxy.settings import Settings
from tests.processes import is_running

PROGRAM = """
import os, socket, sys
from mmap import PAGESIZE, mmap
from proxy.metrics.deltas import Delta
from proxy.metrics.tally import Tally
from proxy.serve.channel import encode, receive_first
from proxy.serve.messages import Answered, Failed, Ready

listening, channel, memory = map(int, sys.argv[1:4])
end, tally = socket.socket(fileno=channel), Tally(mmap(memory, PAGESIZE))
orders = receive_first(end)
assert socket.socket(fileno=listening).getsockname()[1]
if orders.name == "fails":
    end.sendall(encode(Failed("no model", is_mistake=True)))
    sys.exit(1)
end.sendall(encode(Ready()))
while True:
    ask = receive_first(end)
    end.sendall(encode(Delta(gauges={"asked": ask.number})))
    tally.answers_taken(1)
    if orders.name == "dies":
        os.abort()
    if orders.name == "hangs":
        receive_first(end)
    end.sendall(encode(Answered(ask.number)))
"""


class _Seen:
    """What the parent hears."""

    def __init__(self) -> None:
        self.deltas: list[Delta] = []
        self.ready = asyncio.Event()


@asynccontextmanager
async def _worker(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[WorkerProcess, _Seen, asyncio.Task[str]]]:
    program = folder / "worker.py"
    program.write_text(PROGRAM, encoding="utf-8")
    monkeypatch.setattr(worker_process, "COMMAND", (sys.executable, str(program)))
    orders = Orders(Settings(), name, "/none", Snapshot(), {}, is_replacement=False)
    with reserve("127.0.0.1", 0) as reserved:
        worker = await spawn_worker(name, lambda: orders, another(reserved))
    seen = _Seen()
    listening = asyncio.create_task(  # noqa: TID251 - the test awaits it
        worker.listen(on_delta=seen.deltas.append, on_ready=seen.ready.set)
    )
    try:
        yield worker, seen, listening
    finally:
        worker.kill()
        await listening
        worker.release()
        assert not is_running(worker.pid)


def test_worker_reports_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that it says before it answers has been taken by then."""

    async def act() -> None:
        async with _worker("well", tmp_path, monkeypatch) as (worker, seen, _):
            await seen.ready.wait()
            assert worker.is_ready
            assert await worker.report(within_s=30)
            assert [delta.gauges for delta in seen.deltas] == [{"asked": 1}]

    asyncio.run(act())


def test_worker_that_hangs_is_told_from_one_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the time that one has."""

    async def act() -> None:
        async with _worker("hangs", tmp_path, monkeypatch) as (worker, seen, _):
            await seen.ready.wait()
            assert not await worker.report(within_s=0.01)

    asyncio.run(act())


def test_death_is_told_after_everything_that_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for an answer gets on, and the tally can still be read."""

    async def act() -> None:
        async with _worker("dies", tmp_path, monkeypatch) as (worker, seen, listening):
            await seen.ready.wait()
            assert await worker.report(within_s=30)
            assert await asyncio.shield(listening) == "SIGABRT"
            assert len(seen.deltas) == 1
            assert worker.tally.answers == 1

    asyncio.run(act())


def test_worker_says_why_it_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last message."""

    async def act() -> None:
        async with _worker("fails", tmp_path, monkeypatch) as (worker, _, listening):
            assert await asyncio.shield(listening) == "exit status 1"
            assert worker.failure == Failed("no model", is_mistake=True)
            assert not worker.is_ready

    asyncio.run(act())
