"""Whole responses."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

from proxy.wire.respond import send_body
from tests.asgi import call


def test_response_is_whole_and_has_its_length() -> None:
    """Keep-alive clients need the length."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_body(send, 418, b"{}")

    reply = asyncio.run(call(app))
    assert (reply.status, reply.body, reply.is_complete) == (418, b"{}", True)
    assert reply.headers == {"content-type": "application/json", "content-length": "2"}
