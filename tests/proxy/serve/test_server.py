"""Uvicorn as we run it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal

import pytest
from starlette.applications import Starlette

from proxy.serve.listener import listen
from proxy.serve.server import Server, run, settle, start_logging
from proxy.wire.http_server import server_config


def test_signal_drains_first_and_then_ends() -> None:
    """Whoever waits for the end of `run` gets on."""
    seen: list[str] = []

    async def drain() -> None:
        seen.append("drain")

    config = server_config(Starlette(), keep_alive_s=1, drain_s=1, lifespan="off")
    server = Server(config, drain)
    before = signal.getsignal(signal.SIGTERM)

    async def serve() -> None:
        with listen("127.0.0.1", 0) as listener:
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
            await server.serve(sockets=[listener])
        seen.append("end")

    try:
        run(server, serve)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == ["drain", "end"]


def test_what_is_loaded_is_not_looked_through_again() -> None:
    """A full collection would hold every request up."""
    thresholds = gc.get_threshold()
    try:
        settle()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() > thresholds
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize(("name", "expected"), [("", "INFO x: hi"), ("w", "INFO [w] x: hi")])
def test_log_says_which_process_it_is(
    name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are several."""
    formats: list[str] = []
    monkeypatch.setattr(logging, "basicConfig", lambda **options: formats.append(options["format"]))
    start_logging("info", name=name)
    record = logging.makeLogRecord({"levelname": "INFO", "name": "x:", "msg": "hi"})
    assert logging.Formatter(formats[0]).format(record).endswith(expected)
