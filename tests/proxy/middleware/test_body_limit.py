"""The largest body, and the slowest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from starlette.types import Message

from proxy.errors import RequestError
from proxy.middleware.body_limit import BodyLimitMiddleware, in_time
from proxy.wire.client import LEAVING
from tests.asgi import Echo, Headers, call, scope_of


def _post(body: bytes | Sequence[bytes], headers: Headers = ()) -> bytes:
    app = BodyLimitMiddleware(Echo(), max_bytes=4, timeout_s=60)
    return asyncio.run(call(app, "POST", body=body, headers=headers)).body


def test_body_at_the_limit_passes() -> None:
    """The limit itself is allowed."""
    assert _post(b"1234", [("content-length", "4")]) == b"1234"


def test_announced_length_is_refused_before_reading() -> None:
    """Nothing is held in memory for it."""
    with pytest.raises(RequestError) as caught:
        _post([], [("content-length", "5")])
    assert caught.value.status == 413


def test_chunked_body_is_refused_as_soon_as_it_is_too_long() -> None:
    """Without a length, what has arrived counts."""
    with pytest.raises(RequestError) as caught:
        _post([b"123", b"45", b"never read"])
    assert caught.value.status == 413


def test_lying_length_does_not_help() -> None:
    """A short length before a long body."""
    with pytest.raises(RequestError):
        _post([b"123", b"45"], [("content-length", "1")])


class _Drip:
    """A client that sends a byte each time the loop turns, for ever."""

    def __init__(self, *, is_whole: bool = False) -> None:
        self.is_whole = is_whole

    def when_left(self, callback: Callable[[], object] | None) -> None:
        """It stays."""

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}


def test_body_that_never_ends_is_refused_in_time() -> None:
    """However often a piece of it comes."""

    async def run() -> None:
        receive = in_time(_Drip().receive, scope_of("POST"), timeout_s=0.01)
        while True:
            await receive()

    with pytest.raises(RequestError) as caught:
        asyncio.run(run())
    assert (caught.value.status, caught.value.code) == (408, "request_timeout")


def test_time_ends_with_the_body() -> None:
    """Who waits for the client's leaving afterwards waits as long as the answer takes."""

    async def run() -> Message:
        left = asyncio.Event()
        messages = [{"type": "http.request", "body": b"x", "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        timed = in_time(receive, scope_of("POST"), timeout_s=0.01)
        await timed()
        asyncio.get_running_loop().call_later(0.03, left.set)
        return await timed()

    assert asyncio.run(run())["type"] == "http.disconnect"


def test_body_that_has_come_costs_no_timer() -> None:
    """As our own server says of most."""

    async def run() -> bool:
        client = _Drip(is_whole=True)
        scope = scope_of("POST") | {"extensions": {LEAVING: client}}
        receive = client.receive
        return in_time(receive, scope, timeout_s=1) is receive

    assert asyncio.run(run())
