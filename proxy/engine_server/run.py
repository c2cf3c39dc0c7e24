"""The engine process's life: orders, loading, serving, and an end that follows the proxy's."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from socket import socket
from threading import Thread

import uvicorn

from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_wire import Failed, Orders, Ready, Report, decode_orders, encode
from proxy.engine_server.app import EngineBackend, engine_app
from proxy.errors import ModelLoadError
from proxy.wire.http_server import server_config

DRAIN_S = 5
"""The proxy drains before it ends us, so that nothing is left to drain but a broken client."""

_KEEP_ALIVE_S = 75
_FAILED = 2


def main(make_backend: Callable[[LlamaCppConfig], EngineBackend]) -> int:
    """Serve one model until SIGTERM, or until the process that gave the orders is gone.

    Args:
        make_backend: makes the backend to serve, not started yet.

    Returns:
        0 after a stop, 2 where the model cannot be loaded.
    """
    faulthandler.enable()
    # Inherited from the proxy, which ignores it by now; until there is something to end in order,
    # it simply ends us.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    reports = _take_stdout()
    # Unbuffered: Python aborts where a thread holds a buffer's lock at the end.
    lifeline = os.fdopen(os.dup(0), "rb", buffering=0)
    orders = decode_orders(lifeline.readline())
    logging.basicConfig(level=orders.log_level, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    Thread(target=_die_with_parent, args=(lifeline, orders), daemon=True).start()
    backend = make_backend(LlamaCppConfig.model_validate(orders.model))
    config = server_config(
        # An engine that has stopped for good is replaced with its process.
        engine_app(backend, on_broken=lambda: os.kill(os.getpid(), signal.SIGTERM)),
        keep_alive_s=_KEEP_ALIVE_S,
        drain_s=DRAIN_S,
        lifespan="off",
        socket_path=orders.socket_path,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        return runner.run(_serve(config, backend, reports))


async def _serve(config: uvicorn.Config, backend: EngineBackend, reports: FileIO) -> int:
    try:
        await backend.start()
    except ModelLoadError as error:
        _report(reports, Failed(error.message))
        return _FAILED
    server = _Server(config, on_started=lambda: _report(reports, Ready()))
    # Uvicorn puts its own handler over this one, and raises the signal once more when it is done.
    signal.signal(signal.SIGTERM, server.stop)
    await server.serve()
    await backend.close()
    return 0


class _Server(uvicorn.Server):
    """Uvicorn, saying when it listens."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    def stop(self, *_signal: object) -> None:
        """Begin to stop."""
        self.should_exit = True


def _take_stdout() -> FileIO:
    """Keep stdout for the report; what anybody else prints goes to the log."""
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return reports


def _report(reports: FileIO, report: Report) -> None:
    with reports, suppress(BrokenPipeError):
        reports.write(encode(report) + b"\n")


def _die_with_parent(lifeline: FileIO, orders: Orders) -> None:
    """Wait for the end of the pipe that the proxy holds open as long as it lives, then end."""
    with suppress(OSError, ValueError):
        lifeline.read()
    path = Path(orders.socket_path)
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()
    # Nobody is left to answer, and the main thread may be inside llama.cpp.
    os._exit(1)
