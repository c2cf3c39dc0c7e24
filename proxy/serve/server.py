"""Uvicorn as we run it: in one process, in the parent of workers, and in each worker."""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import uvicorn

_GARBAGE_THRESHOLDS = (10_000, 20, 50)
"""A request makes next to no reference cycles: looking for them 700 objects at a time is too often.
"""


class Server(uvicorn.Server):
    """Uvicorn, saying when it begins to drain.

    Args:
        config: what answers, and how.
        on_drain: awaited before running answers are; new connections still come in meanwhile.
    """

    def __init__(self, config: uvicorn.Config, on_drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._on_drain = on_drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let running answers finish within the drain time, then stop the rest."""
        await self._on_drain()
        await super().shutdown(sockets)

    def stop(self, *_signal: object) -> None:
        """Begin to stop."""
        self.should_exit = True


def run(server: Server, serving: Callable[[], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        server: what the signals stop.
        serving: has it serve, and does what belongs around it.
    """
    # Uvicorn puts its own handler over this one and raises the signal once more when it is done:
    # by default that would end us with status 143 after a clean stop.
    signal.signal(signal.SIGTERM, server.stop)

    async def until_stopped() -> None:
        await serving()

    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(until_stopped())
    except KeyboardInterrupt:
        # The same for SIGINT.
        return


def settle() -> None:
    """Leave what has been loaded out of all garbage collections to come.

    It stays until the end; walking through it takes a tenth of a second, in which nobody is served.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)


def log_to_stderr(level: str, *, name: str = "") -> None:
    """Log to stderr, unless somebody has seen to logging already.

    Args:
        level: as the settings spell it.
        name: of this process, where there are several.
    """
    atexit.register(_forget_unwritten)
    whose = f"[{name}] " if name else ""
    logging.basicConfig(
        level=level.upper(), format=f"%(asctime)s %(levelname)s {whose}%(name)s %(message)s"
    )


def _forget_unwritten() -> None:
    """Let go of lines that a full disk did not take: over them Python would end with status 120."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def start_logging(level: str, *, name: str = "") -> None:
    """Log to stderr, and have uvicorn say less; see `log_to_stderr`."""
    log_to_stderr(level, name=name)
    logging.getLogger("uvicorn.error").setLevel(
        logging.INFO if level == "debug" else logging.WARNING
    )
