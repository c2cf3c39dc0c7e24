"""One child process: what it says, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proxy.backends import engine_process
from proxy.backends.engine_process import EngineProcess, spawn_engine
from proxy.backends.engine_wire import Orders
from proxy.errors import ModelLoadError
from tests.processes import is_running

ORDERS = Orders({"name": "m"}, "/nowhere/engine.sock", logging.INFO)
GIVE_UP_S = 60

READY = 'print(\'{"type":"ready"}\', flush=True); '
WAIT = "sys.stdin.read()"


def _run(program: str, act: Callable[[EngineProcess], Awaitable[None]]) -> None:
    command = (sys.executable, "-c", f"import os, signal, sys; {program}")

    async def main() -> None:
        async with asyncio.timeout(GIVE_UP_S):
            process = await spawn_engine(ORDERS, command=command)
            try:
                await act(process)
            finally:
                await process.stop()

    asyncio.run(main())


def test_ready_once_it_says_so_and_gone_after_stop() -> None:
    """SIGTERM is enough for one that does not mind."""

    async def act(process: EngineProcess) -> None:
        await process.ready()
        assert is_running(process.pid)
        await process.stop()
        assert not is_running(process.pid)
        assert await process.ended() == "SIGTERM"

    _run(READY + WAIT, act)


def test_one_that_ignores_sigterm_is_killed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An engine stuck in llama.cpp does not keep the server from stopping."""
    monkeypatch.setattr(engine_process, "STOP_S", 0.0)

    async def act(process: EngineProcess) -> None:
        await process.ready()
        await process.stop()
        assert await process.ended() == "SIGKILL"

    _run("signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY + WAIT, act)
    assert "engine_killed model=m" in caplog.text


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("sys.exit(3)", r"m: the engine's process ended \(exit status 3\) while it loaded"),
        ("sys.stderr.write('assert!\\n'); sys.stderr.flush(); os.abort()", "SIGABRT.*assert!"),
        ("os.kill(os.getpid(), 64)", r"\(signal 64|\(SIGRTMAX"),
        ('print(\'{"type":"failed","message":"a.gguf: no."}\', flush=True)', "^a.gguf: no.$"),
    ],
    ids=["status", "abort", "odd signal", "report"],
)
def test_one_that_cannot_load_says_why(program: str, message: str) -> None:
    """In its own words, or its last ones."""

    async def act(process: EngineProcess) -> None:
        with pytest.raises(ModelLoadError, match=message):
            await process.ready()

    _run(program, act)


def test_log_is_relayed_with_level_and_name(caplog: pytest.LogCaptureFixture) -> None:
    """What is no log line is a warning; a line without end is cut; the answer is not quoted."""
    lines = (
        "INFO proxy.engine.x loaded path=/a",
        "DEBUG proxy.engine.x too much",
        "what():  Unexpected empty grammar stack after accepting piece: secret (7)",
        "y" * 100_000,
    )
    program = f"sys.stderr.write({chr(10).join(lines)!r}); sys.stderr.flush(); {READY}{WAIT}"

    async def act(process: EngineProcess) -> None:
        await process.ready()

    with caplog.at_level(logging.INFO):
        _run(program, act)
    said = [record for record in caplog.records if record.getMessage().startswith("[m] ")]
    assert [(record.levelname, record.name) for record in said] == [
        ("INFO", "proxy.engine.x"),
        ("WARNING", "proxy.backends.engine_process"),
        ("WARNING", "proxy.backends.engine_process"),
    ]
    assert said[0].getMessage() == "[m] loaded path=/a"
    assert "secret" not in caplog.text
    assert len(said[2].getMessage()) < 10_000


def test_child_runs_our_code_and_not_what_lies_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with a package `proxy` of its own is a fine place to start a server in."""
    (tmp_path / "proxy").mkdir()
    monkeypatch.chdir(tmp_path)
    environment = engine_process.child_environment()
    assert str(Path(engine_process.__file__).parents[2]) in environment["PYTHONPATH"].split(
        os.pathsep
    )
    assert "-P" in engine_process.COMMAND
    assert environment["GGML_NO_BACKTRACE"]
