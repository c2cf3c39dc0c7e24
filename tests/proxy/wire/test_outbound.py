"""A response that all layers share."""

from __future__ import annotations

import asyncio

from starlette.types import Message

from proxy.wire.outbound import Outbound, outbound
from tests.proxy.wire.test_server_exchange import Line, exchange_on


class _Sent:
    """Where the messages end."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        self.messages.append(message)


def _start(*headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": 201, "headers": headers}


def _body(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": bool(body)}


def test_inner_layers_get_the_one_that_is_there() -> None:
    """However many layers, a message passes one."""
    outer = outbound(_Sent().send)
    assert outbound(outer) is outer


def test_it_knows_how_far_the_response_has_come() -> None:
    """For the log and for errors midway; an empty last message is no tail."""

    async def run() -> Outbound:
        response = Outbound(_Sent().send)
        assert response.status is None
        for message in (_start((b"a", b"b")), _body(b"123"), _body(b"4"), _body(b"")):
            await response(message)
        return response

    response = asyncio.run(run())
    assert (response.status, response.n_bytes, response.tail) == (201, 4, b"4")
    assert response.headers == ((b"a", b"b"),)


def test_added_header_replaces_the_applications_own() -> None:
    """The application's message itself is left as it was."""

    async def run() -> tuple[Message, Message]:
        sent = _Sent()
        response = Outbound(sent.send)
        response.add_header(b"x-request-id", b"ours")
        message = _start((b"x-request-id", b"forged"), (b"a", b"b"))
        await response(message)
        return message, sent.messages[0]

    given, sent = asyncio.run(run())
    assert sent["headers"] == [(b"a", b"b"), (b"x-request-id", b"ours")]
    assert given["headers"][0] == (b"x-request-id", b"forged")


def test_what_is_pushed_is_known_of_too() -> None:
    """It counts for the log, and an error frame is put behind it."""

    async def run() -> Outbound:
        line = Line()
        response = Outbound(exchange_on(line))
        await response(_start((b"content-type", b"text/event-stream")))
        await response({"type": "http.response.body", "body": b"12", "more_body": True})
        assert response.push(b"345")
        assert line.written[-1] == b"3\r\n345\r\n"
        return response

    response = asyncio.run(run())
    assert (response.n_bytes, response.tail) == (5, b"345")


def test_nothing_is_pushed_past_a_layer() -> None:
    """It may want to change what passes it."""
    response = Outbound(_Sent().send)
    assert not response.push(b"x")
    assert response.n_bytes == 0
