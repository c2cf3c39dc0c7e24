"""A worker as its parent sees it: a small program in its place, over the real channel."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from proxy.domain import Priority, Prompt
from proxy.evaluation.run import Task
from proxy.metrics.deltas import Delta
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.snapshot import Snapshot
from proxy.serve import worker_process
from proxy.serve.listener import another, reserve
from proxy.serve.messages import Failed, Orders
from proxy.serve.worker_process import OnProbed, WorkerProcess, spawn_worker
from proxy.settings import Settings
from proxy.tasks import cancel, spawn
from tests.processes import children, is_running

PROGRAM = """
import os, socket, sys
from mmap import PAGESIZE, mmap
from proxy.metrics.deltas import Delta
from proxy.metrics.tally import Tally
from proxy.serve.channel import encode, receive_first
from proxy.domain import Verdict
from proxy.evaluation.run import Answer
from proxy.serve.messages import Answered, Ended, Evaluate, Failed, Probed, Ready, Stop

listening, channel, memory = map(int, sys.argv[1:4])
end, tally = socket.socket(fileno=channel), Tally(mmap(memory, PAGESIZE))
orders = receive_first(end)
assert socket.socket(fileno=listening).getsockname()[1]
if orders.name == "babbles":
    end.sendall(b"\\0\\0\\0\\1?")
    receive_first(end)
if orders.name == "fails":
    end.sendall(encode(Failed("no model", is_mistake=True)))
    sys.exit(1)
end.sendall(encode(Ready()))
if orders.name == "lingers":
    end.close()
    sys.stdin.read()
while True:
    ask = receive_first(end)
    if isinstance(ask, Stop):
        end.sendall(encode(Ended(ask.number, "handed_back")))
        continue
    if isinstance(ask, Evaluate):
        for at in ask.tasks:
            end.sendall(encode(Probed(ask.number, at, Answer("yes"), Verdict("j", "scored"))))
        if orders.name == "dies":
            os.abort()
        if orders.name != "hangs":
            end.sendall(encode(Ended(ask.number, "done")))
        continue
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
    worker = await _spawned(lambda: _orders(name))
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


def test_worker_that_has_closed_its_channel_and_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Native code in a thread of it never comes back; its place would stay empty."""
    monkeypatch.setattr(worker_process, "EXIT_WITHIN_S", 0.01)

    async def act() -> None:
        async with _worker("lingers", tmp_path, monkeypatch) as (worker, _, listening):
            async with asyncio.timeout(30):
                how = await asyncio.shield(listening)
            assert how.startswith("SIGKILL, ")
            assert "closed its channel" in how
            assert not is_running(worker.pid)

    asyncio.run(act())


def test_worker_says_why_it_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last message."""

    async def act() -> None:
        async with _worker("fails", tmp_path, monkeypatch) as (worker, _, listening):
            assert await asyncio.shield(listening) == "exit status 1"
            assert worker.failure == Failed("no model", is_mistake=True)
            assert not worker.is_ready

    asyncio.run(act())


def test_worker_whose_message_cannot_be_read_is_gone_when_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its place is filled anew, and before what it has taken along is counted."""

    async def act() -> None:
        program = tmp_path / "worker.py"
        program.write_text(PROGRAM, encoding="utf-8")
        monkeypatch.setattr(worker_process, "COMMAND", (sys.executable, str(program)))
        worker = await _spawned(lambda: _orders("babbles"))
        with pytest.raises(pickle.UnpicklingError):
            await worker.listen(on_delta=_nothing, on_ready=lambda: None)
        assert not is_running(worker.pid)
        worker.release()

    asyncio.run(act())


async def _probe(worker: WorkerProcess, on_probed: OnProbed) -> str:
    task = Task(PASSTHROUGH, Prompt("p", "prompt", "harmful", "advice", "s"), 0, 8)
    return await worker.evaluate(
        "m", {4: task}, concurrency=1, priority=Priority.BACKGROUND, on_probed=on_probed
    )


def test_probes_are_handed_over_with_how_they_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done; or the worker died over them, and what it had told is kept."""

    async def act(name: str, end: str) -> None:
        async with _worker(name, tmp_path, monkeypatch) as (worker, _, _listening):
            seen: list[tuple[int, str]] = []
            assert await _probe(worker, lambda at, answer, _: seen.append((at, answer.text))) == end
            assert seen == [(4, "yes")]
            assert worker.takes_probes == (end == "done")

    asyncio.run(act("well", "done"))
    asyncio.run(act("dies", "died"))


def test_worker_that_is_gone_is_waited_for_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by those who ask before its place is empty."""

    async def act() -> None:
        async with _worker("fails", tmp_path, monkeypatch) as (worker, _, listening):
            await asyncio.shield(listening)
            async with asyncio.timeout(30):
                assert await worker.report(within_s=60)
                assert await _probe(worker, lambda *_: None) == "died"

    asyncio.run(act())


def test_probes_that_are_stopped_leave_the_worker_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands them back when it is told, and that is no sign of its end."""

    async def act() -> None:
        async with _worker("hangs", tmp_path, monkeypatch) as (worker, _, _listening):
            begun = asyncio.Event()
            probing = spawn(_probe(worker, lambda *_: begun.set()), name="probing")
            await begun.wait()
            await cancel(probing)
            assert not await worker.report(within_s=0.01)
            assert worker.takes_probes

    asyncio.run(act())


def test_bug_in_taking_a_probe_is_for_whoever_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has done nothing wrong."""

    def fail(*_: object) -> None:
        raise KeyError("a bug")

    async def act() -> None:
        async with _worker("well", tmp_path, monkeypatch) as (worker, seen, _):
            with pytest.raises(KeyError):
                await _probe(worker, fail)
            await seen.ready.wait()
            assert await worker.report(within_s=30)

    asyncio.run(act())


@pytest.mark.parametrize("where", ["mmap", "open_channel", "orders"])
def test_start_that_fails_leaves_no_process_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Whatever failed, and however far it had come."""
    program = tmp_path / "worker.py"
    program.write_text("import sys\nsys.stdin.read()\n", encoding="utf-8")
    monkeypatch.setattr(worker_process, "COMMAND", (sys.executable, str(program)))

    def fail(*_arguments: object) -> NoReturn:
        raise RuntimeError("something else")

    if where != "orders":
        monkeypatch.setattr(worker_process, where, fail)

    async def act() -> None:
        with pytest.raises(RuntimeError, match="something else"):
            await _spawned(fail if where == "orders" else lambda: _orders("well"))

    before = children(os.getpid())
    asyncio.run(act())
    assert children(os.getpid()) == before


def _orders(name: str) -> Orders:
    return Orders(Settings(), name, "/none", Snapshot(), {}, is_replacement=False)


async def _spawned(orders: Callable[[], Orders]) -> WorkerProcess:
    with reserve("127.0.0.1", 0) as reserved:
        return await spawn_worker("w", orders, another(reserved))


def _nothing(_delta: Delta) -> None:
    """Take it."""
