"""Request ids."""

from __future__ import annotations

import asyncio

import pytest

from proxy.middleware.request_id import RequestIdMiddleware
from proxy.wire.facts import facts_of
from tests.asgi import Echo, call


def test_sane_id_of_the_client_is_taken_over() -> None:
    """So that a user can find their request in our log."""
    echo = Echo()
    reply = asyncio.run(call(RequestIdMiddleware(echo), headers=[("x-request-id", "abc-1")]))
    assert reply.headers["x-request-id"] == "abc-1"
    assert facts_of(echo.scope).request_id == "abc-1"


@pytest.mark.parametrize("sent", ["", "a b", "a\tb", "x" * 129, "é"])
def test_other_ids_are_replaced(sent: str) -> None:
    """It would end in logs and headers."""
    app = RequestIdMiddleware(Echo(), make=lambda: "made")
    reply = asyncio.run(call(app, headers=[("x-request-id", sent)]))
    assert reply.headers["x-request-id"] == "made"


def test_made_ids_differ() -> None:
    """Two requests are never one in the log."""
    app = RequestIdMiddleware(Echo())
    first, second = asyncio.run(call(app)), asyncio.run(call(app))
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
