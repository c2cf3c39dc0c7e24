"""Responses, whole and in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from proxy.wire.respond import send_body, send_chunks
from tests.asgi import call


def test_response_is_whole_and_has_its_length() -> None:
    """Keep-alive clients need the length."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_body(send, 418, b"{}")

    reply = asyncio.run(call(app))
    assert (reply.status, reply.body, reply.is_complete) == (418, b"{}", True)
    assert reply.headers == {"content-type": "application/json", "content-length": "2"}


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _nothing() -> AsyncIterator[bytes]:
    raise RuntimeError("broken before the first byte")
    yield b""


@pytest.mark.parametrize("pieces", [(), (b"a",), (b"a", b"b")])
def test_chunks_go_out_as_they_come_and_the_end_is_the_callers(pieces: tuple[bytes, ...]) -> None:
    """A response without a body has its status all the same."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_chunks(send, 418, (), _pieces(*pieces))

    reply = asyncio.run(call(app))
    assert reply.status == 418
    assert [message["body"] for message in reply.messages[1:]] == list(pieces)
    assert not reply.is_complete


def test_nothing_is_sent_of_what_fails_before_its_first_chunk() -> None:
    """So that the failure can still have a status of its own."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError):
        asyncio.run(send_chunks(send, 200, (), _nothing()))
    assert sent == []
