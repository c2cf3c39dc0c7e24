"""One run of an engine's child process, from spawning to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from typing import assert_never, cast

from proxy.backends.engine_wire import Failed, Orders, Ready, decode_report, encode
from proxy.errors import ModelLoadError
from proxy.tasks import spawn

_log = logging.getLogger(__name__)

# -P: no module of the folder that the server happens to run in.
COMMAND = (sys.executable, "-P", "-m", "proxy.engine_server")

STOP_S = 10.0
"""How long a child may take to end after SIGTERM, before it is killed."""

_MAX_LINE_BYTES = 8192
_READ_BYTES = 65_536
_LOGGED = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) (?P<name>[\w.]+) (?P<text>.*)")
# llama.cpp's last words on a grammar mismatch quote the answer.
_QUOTED = re.compile(r"(?<=accepting piece: ).*")


class EngineProcess:
    """A child process that serves one model. Make it with `spawn_engine`."""

    def __init__(self, process: Process, *, model: str) -> None:
        self._process = process
        self._model = model
        # All three are pipes: `spawn_engine` asks for them.
        self._stdin = cast("StreamWriter", process.stdin)
        self._stdout = cast("StreamReader", process.stdout)
        self._stderr = cast("StreamReader", process.stderr)
        self._last_words = ""
        self._relay = spawn(self._relay_log(), name=f"engine-log-{model}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def order(self, orders: Orders) -> None:
        """Tell it what to do, once; one that has died already is noticed by `ready`."""
        with contextlib.suppress(ConnectionError):
            self._stdin.write(encode(orders) + b"\n")
            await self._stdin.drain()

    async def ready(self) -> None:
        """Wait until it answers on its socket.

        Raises:
            ModelLoadError: it says that the model cannot be loaded, or it died over it.
        """
        line = await self._stdout.readline()
        if not line:
            raise await self._died_early()
        match decode_report(line):
            case Ready():
                return
            case Failed(message):
                raise ModelLoadError(message, model=self._model)
            case report:
                assert_never(report)

    async def ended(self) -> str:
        """Wait for its end, and say how it came: ``SIGABRT``, or ``exit status 1``."""
        status = await self._process.wait()
        await asyncio.wait([self._relay])
        self._stdin.close()
        return how_it_ended(status)

    async def stop(self) -> None:
        """Ask it to end, and kill it if it does not; returns once it is gone."""
        try:
            async with asyncio.timeout(STOP_S):
                self._signal(signal.SIGTERM)
                await self._process.wait()
        except TimeoutError:
            _log.warning("engine_killed model=%s pid=%d", self._model, self.pid)
        finally:
            self.kill()
            await self.ended()

    def kill(self) -> None:
        """End it at once, even if it is stopped or stuck; `ended` tells when it is gone."""
        self._signal(signal.SIGKILL)

    async def _died_early(self) -> ModelLoadError:
        how = await self.ended()
        words = f" Its last words: {self._last_words}" if self._last_words else ""
        return ModelLoadError(
            f"models: {self._model}: the engine's process ended ({how}) while it loaded the model. "
            f"Is the file damaged, or memory short?{words}",
            model=self._model,
        )

    def _signal(self, number: signal.Signals) -> None:
        # On some event loops a process that has just ended cannot be signalled.
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                self._process.send_signal(number)

    async def _relay_log(self) -> None:
        async for line in _lines(self._stderr):
            if match := _LOGGED.fullmatch(line):
                level = logging.getLevelNamesMapping()[match["level"]]
                logging.getLogger(match["name"]).log(level, "[%s] %s", self._model, match["text"])
            elif line.strip():
                self._last_words = _QUOTED.sub("…", line.strip())
                _log.warning("[%s] %s", self._model, self._last_words)


async def spawn_engine(orders: Orders, *, command: Sequence[str] = COMMAND) -> EngineProcess:
    """Start a child and give it its orders; wait for `EngineProcess.ready` before using it.

    It has a session of its own, so that Ctrl-C in a terminal reaches the proxy alone, which then
    ends the child last.

    Args:
        orders: what it is to do.
        command: the program; the served model's name is added, for ``ps``.

    Raises:
        ModelLoadError: the program cannot be run.
    """
    model = str(orders.model["name"])
    try:
        process = await asyncio.create_subprocess_exec(
            *command, model, stdin=PIPE, stdout=PIPE, stderr=PIPE,
            start_new_session=True, env=child_environment(),
        )  # fmt: skip
    except OSError as error:
        raise ModelLoadError(
            f"models: {model}: the engine's process cannot be started: {error}", model=model
        ) from error
    child = EngineProcess(process, model=model)
    await child.order(orders)
    return child


def child_environment() -> dict[str, str]:
    """Ours, with our own import path, so that the child runs the very same code."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 - a string
    # Without it llama.cpp looks for a debugger to attach before it aborts.
    return {"GGML_NO_BACKTRACE": "1", **os.environ, "PYTHONPATH": path}


async def _lines(stream: StreamReader) -> AsyncIterator[str]:
    """Decoded lines; one that never ends is cut."""
    pending = b""
    while piece := await stream.read(_READ_BYTES):
        *whole, pending = (pending + piece).split(b"\n")
        for line in whole:
            yield line[:_MAX_LINE_BYTES].decode(errors="replace")
        pending = pending[:_MAX_LINE_BYTES]
    if pending:
        yield pending.decode(errors="replace")


def how_it_ended(status: int) -> str:
    """Name the end of a process: ``SIGABRT``, or ``exit status 1``."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
