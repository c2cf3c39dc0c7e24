"""The access log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.middleware.access_log import is_logged, logged
from proxy.wire.facts import facts_of
from proxy.wire.outbound import outbound
from proxy.wire.respond import send_body
from tests.asgi import Echo, call


def _logged(app: ASGIApp, *, clock: Callable[[], float] = time.perf_counter) -> ASGIApp:
    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        await logged(app, scope, receive, outbound(send), clock=clock)

    return around


async def _answering(scope: Scope, receive: Receive, send: Send) -> None:
    facts_of(scope).key_id = "team-a"
    facts_of(scope).log["model"] = "m"
    await send_body(send, 404, b"12345")


def test_one_line_with_status_bytes_and_facts(caplog: pytest.LogCaptureFixture) -> None:
    """What an operator greps for."""
    caplog.set_level(logging.INFO, logger="guardtune.access")
    asyncio.run(call(_logged(_answering, clock=iter([1.0, 1.5]).__next__), path="/x"))
    (line,) = caplog.messages
    assert line == (
        'event=request id="" method=GET path=/x status=404 ms=500.0 bytes=5 key=team-a model=m'
    )


def test_body_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Prompts are the users' own."""
    caplog.set_level(logging.DEBUG)
    asyncio.run(call(_logged(Echo()), body=b"private words"))
    assert "private" not in caplog.text


def test_failure_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    """A request without an answer leaves a line without a status."""
    caplog.set_level(logging.INFO, logger="guardtune.access")

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(call(_logged(failing)))
    assert "status" not in caplog.messages[0]


def test_scrapes_are_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Every fifteen seconds a line would drown the others."""
    caplog.set_level(logging.INFO, logger="guardtune.access")
    assert is_logged("/v1/models")
    assert not is_logged("/metrics")
    caplog.set_level(logging.DEBUG, logger="guardtune.access")
    assert is_logged("/metrics")
