"""The real worker in its process, with the test as its parent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_state import EngineState, engine_key
from proxy.metrics.deltas import Delta
from proxy.policy.snapshot import Snapshot
from proxy.policy.store import PolicyStore
from proxy.serve import worker_process
from proxy.serve.listener import another, reserve
from proxy.serve.messages import Engines, Failed, Orders, Policies
from proxy.serve.worker_process import WorkerProcess, spawn_worker
from proxy.settings import Settings
from tests.edge import write_policy
from tests.processes import is_running

SETTINGS = {
    "workers": 2,
    "models": [{"name": "fake", "backend": "scripted"}],
    "judging": {"judge": "scripted"},
    "probing": {"enabled": False},
}
BUGGY = """
import sys
from proxy.serve import worker

def build(*arguments, **more):
    raise KeyError("a bug")

worker.build = build
sys.exit(worker.main(sys.argv[1:]))
"""
NOTES_LISTENING = """
import os, sys
from pathlib import Path
from proxy.serve import worker
from proxy.serve.server import Server

async def startup(self, sockets=None):
    Path(os.environ["LISTENED"]).touch()

Server.startup = startup
sys.exit(worker.main(sys.argv[1:]))
"""
CHAT = {"model": "fake", "messages": [{"role": "user", "content": "hi"}]}


class _Run:
    """A running worker."""

    def __init__(self, worker: WorkerProcess, port: int) -> None:
        self.worker = worker
        self.port = port
        self.deltas: list[Delta] = []
        self.ready = asyncio.Event()
        self.how = ""

    async def follow(self) -> None:
        """Listen to it until its end."""
        self.how = await self.worker.listen(on_delta=self.deltas.append, on_ready=self.ready.set)

    def total(self, name: str) -> float:
        """What it has reported of a counter."""
        return sum(delta.total(name) for delta in self.deltas)

    async def chat(self) -> dict[str, str]:
        """Ask once; return the headers of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = msgspec.json.encode(CHAT)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert lines[0].split()[1] == "200"
        writer.close()
        await writer.wait_closed()
        return dict(line.split(": ", 1) for line in lines[1:] if line)


@asynccontextmanager
async def _worker(
    in_force: Snapshot,
    *,
    pages: Path = Path("/none"),
    is_replacement: bool = False,
    **settings: Any,
) -> AsyncIterator[_Run]:
    own = Settings.model_validate({**SETTINGS, **settings})
    orders = Orders(own, "worker-1", str(pages), in_force, {}, is_replacement=is_replacement)
    with reserve("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        run = _Run(await spawn_worker("worker-1", lambda: orders, another(reserved)), port)
    following = asyncio.create_task(run.follow())  # noqa: TID251 - awaited below
    try:
        async with asyncio.timeout(60):
            yield run
    finally:
        run.worker.kill()
        await following
        run.worker.release()


def _read(folder: Path) -> Snapshot:
    return PolicyStore(folder).reload()


def test_worker_answers_under_its_parents_policies_and_reports(tmp_path: Path) -> None:
    """Those it was given, whatever the folder says; and then those it is told."""

    async def act() -> None:
        write_policy(tmp_path, "careful")
        first = _read(tmp_path)
        write_policy(tmp_path, "later", "match: {priority: 9}\n")
        async with _worker(first, policies=str(tmp_path)) as run:
            await run.ready.wait()
            assert (await run.chat())["x-guardtune-policy"].startswith("careful@")
            run.worker.tell(Policies(_read(tmp_path)))
            assert await run.worker.report(within_s=30)
            assert (await run.chat())["x-guardtune-policy"].startswith("later@")
            assert await run.worker.report(within_s=30)
            assert run.total("guardtune_requests_total") == run.worker.tally.requests == 2
            assert run.worker.tally.answers == 2

    asyncio.run(act())


def test_sigterm_lets_it_report_all_and_end_well(tmp_path: Path) -> None:
    """Nothing that it took on is left open."""

    async def act() -> None:
        async with _worker(_read(tmp_path)) as run:
            await run.ready.wait()
            for _ in range(3):
                await run.chat()
            run.worker.stop()
            while not run.how:  # noqa: ASYNC110 - another process's end
                await asyncio.sleep(0.01)
            assert run.how == "exit status 0"
            judged = run.total("guardtune_judged_total") + run.total("guardtune_unjudged_total")
            assert judged == run.worker.tally.answers == 3
            assert run.total("guardtune_requests_total") == 3

    asyncio.run(act())


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="a local model needs llama_cpp")
def test_replacement_does_not_listen_before_it_could_answer(tmp_path: Path) -> None:
    """Others answer meanwhile: it must not take their connections only to say 503."""
    model = {"name": "fake", "backend": "llama_cpp", "path": "m.gguf"}

    async def act() -> None:
        in_force = _read(tmp_path)
        async with _worker(in_force, is_replacement=True, models=[model]) as run:
            assert await run.worker.report(within_s=60)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", run.port)
            key = engine_key(LlamaCppConfig.model_validate(model))
            run.worker.tell(Engines({key: EngineState("/none.sock", is_ready=True)}))
            await run.ready.wait()
            await _until_open(run.port)

    asyncio.run(act())


async def _until_open(port: int) -> None:
    while True:
        with suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
            return
        await asyncio.sleep(0.01)


def test_worker_that_cannot_load_says_why(tmp_path: Path) -> None:
    """To its parent, which says it to the user."""
    judge = {"kind": "guard_model", "format": "llama_guard_3", "model": {
        "name": "guard", "backend": "llama_cpp", "process": "inline", "path": "missing.gguf",
    }}  # fmt: skip

    async def act() -> None:
        async with _worker(_read(tmp_path), judging={"judge": judge}) as run:
            while not run.how:  # noqa: ASYNC110 - another process's end
                await asyncio.sleep(0.01)
            assert run.how == "exit status 1"
            assert run.worker.failure is not None
            assert run.worker.failure.is_mistake
            assert "missing.gguf" in run.worker.failure.message

    asyncio.run(act())


def test_replacement_that_cannot_load_never_listens(tmp_path: Path) -> None:
    """Not even for the moment before it ends: others answer, and would have answered that."""
    judge = {"kind": "guard_model", "format": "llama_guard_3", "model": {
        "name": "guard", "backend": "llama_cpp", "process": "inline", "path": "missing.gguf",
    }}  # fmt: skip
    program = tmp_path / "listens.py"
    program.write_text(NOTES_LISTENING, encoding="utf-8")

    async def act(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker_process, "COMMAND", (sys.executable, str(program)))
        monkeypatch.setenv("LISTENED", str(tmp_path / "listened"))
        in_force = _read(tmp_path)
        async with _worker(in_force, is_replacement=True, judging={"judge": judge}) as run:
            while not run.how:  # noqa: ASYNC110 - another process's end
                await asyncio.sleep(0.01)
            assert run.worker.failure is not None
        assert not (tmp_path / "listened").exists()

    with pytest.MonkeyPatch.context() as monkeypatch:
        asyncio.run(act(monkeypatch))


def test_bug_while_it_is_put_together_is_told(tmp_path: Path) -> None:
    """Else it would be started again for ever, and the server never be ready."""
    program = tmp_path / "buggy.py"
    program.write_text(BUGGY, encoding="utf-8")

    async def act(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker_process, "COMMAND", (sys.executable, str(program)))
        async with _worker(_read(tmp_path)) as run:
            while not run.how:  # noqa: ASYNC110 - another process's end
                await asyncio.sleep(0.01)
            assert run.worker.failure == Failed("KeyError('a bug')", is_mistake=False)

    with pytest.MonkeyPatch.context() as monkeypatch:
        asyncio.run(act(monkeypatch))


def test_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """Also where the parent was killed, which leaves its socket behind."""
    pages = tmp_path / "private" / "pages.sock"
    pages.parent.mkdir()
    pages.touch()

    async def act() -> None:
        async with _worker(_read(tmp_path), pages=pages) as run:
            await run.ready.wait()
            stdin = run.worker._process.stdin
            assert stdin is not None
            stdin.close()
            while is_running(run.worker.pid):  # noqa: ASYNC110 - another process's end
                await asyncio.sleep(0.01)
            assert not pages.parent.exists()

    asyncio.run(act())
