"""Responses, whole and in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from proxy.wire.errors import JSON_TYPE, Headers
from proxy.wire.respond import ChunkedResponse, send_body
from proxy.wire.sse import STREAM_TYPE
from tests.asgi import Reply, call

STREAM: Headers = ((b"content-type", STREAM_TYPE),)
PLAIN: Headers = (JSON_TYPE,)


def test_response_is_whole_and_has_its_length() -> None:
    """Keep-alive clients need the length."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_body(send, 418, b"{}")

    reply = asyncio.run(call(app))
    assert (reply.status, reply.body, reply.is_complete) == (418, b"{}", True)
    assert reply.headers == {"content-type": "application/json", "content-length": "2"}


@pytest.mark.parametrize("status", [204, 304])
def test_response_that_has_no_body_has_no_length(status: int) -> None:
    """Not even zero, of an upstream's 204 neither."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await ChunkedResponse(send, status, PLAIN).end()

    reply = asyncio.run(call(app))
    assert (reply.status, reply.body, reply.is_complete) == (status, b"", True)
    assert reply.headers == {"content-type": "application/json"}


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _nothing() -> AsyncIterator[bytes]:
    raise RuntimeError("broken before the first byte")
    yield b""


async def _responded(headers: Headers, *pieces: bytes, ends: bool = True) -> Reply:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = ChunkedResponse(send, 418, headers)
        await response.send_chunks(_pieces(*pieces))
        if ends:
            await response.end()

    return await call(app)


@pytest.mark.parametrize("pieces", [(), (b"a",), (b"a", b"b")])
def test_stream_goes_out_as_it_comes_and_ends_when_told(pieces: tuple[bytes, ...]) -> None:
    """A stream without a body has its status all the same."""
    unfinished = asyncio.run(_responded(STREAM, *pieces, ends=False))
    assert [message["body"] for message in unfinished.messages[1:]] == list(pieces)
    assert not unfinished.is_complete
    reply = asyncio.run(_responded(STREAM, *pieces))
    assert (reply.status, reply.body, reply.is_complete) == (418, b"".join(pieces), True)


@pytest.mark.parametrize("pieces", [(), (b"a",)])
def test_body_of_one_piece_is_sent_with_its_length(pieces: tuple[bytes, ...]) -> None:
    """In two messages, when told to."""
    assert not asyncio.run(_responded(PLAIN, *pieces, ends=False)).messages
    reply = asyncio.run(_responded(PLAIN, *pieces))
    assert reply.headers["content-length"] == str(len(pieces))
    assert (reply.status, reply.body, len(reply.messages)) == (418, b"".join(pieces), 2)


@pytest.mark.parametrize("headers", [STREAM, PLAIN], ids=["stream", "plain"])
def test_body_that_is_whole_waits_for_the_end(headers: Headers) -> None:
    """Then it goes out at once; of a stream nobody knows the length."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = ChunkedResponse(send, 418, headers)
        response.keep(b"abc")
        await response.end()

    reply = asyncio.run(call(app))
    assert (reply.status, reply.body, len(reply.messages)) == (418, b"abc", 2)
    assert ("content-length" in reply.headers) == (headers == PLAIN)


def test_longer_body_keeps_its_last_piece_back() -> None:
    """So a client knows that it is whole only when it is."""
    unfinished = asyncio.run(_responded(PLAIN, b"a", b"b", b"c", ends=False))
    assert (unfinished.body, unfinished.is_complete) == (b"ab", False)
    reply = asyncio.run(_responded(PLAIN, b"a", b"b", b"c"))
    assert (reply.body, reply.is_complete) == (b"abc", True)
    assert "content-length" not in reply.headers


def test_nothing_is_sent_of_what_fails_before_its_first_chunk() -> None:
    """So that the failure can still have a status of its own."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError):
        asyncio.run(ChunkedResponse(send, 200, STREAM).send_chunks(_nothing()))
    assert sent == []
