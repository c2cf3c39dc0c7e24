"""The largest body, and the slowest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from starlette.types import Message

from proxy.errors import RequestError
from proxy.middleware.body_limit import BodyLimit, in_time
from proxy.wire.client import read_body

LIMIT = BodyLimit(max_bytes=4, timeout_s=60)


def _post(pieces: Sequence[bytes], announced: bytes | None = None) -> bytes:
    """Read a body that another server than ours hands over."""
    left = list(pieces)

    async def receive() -> Message:
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def run() -> bytes:
        return await read_body(LIMIT.around(receive, announced, None))

    return asyncio.run(run())


def test_body_at_the_limit_passes() -> None:
    """The limit itself is allowed."""
    assert _post([b"1234"], b"4") == b"1234"


def test_announced_length_is_refused_before_reading() -> None:
    """Nothing is held in memory for it."""
    with pytest.raises(RequestError) as caught:
        _post([], b"5")
    assert caught.value.status == 413


@pytest.mark.parametrize("announced", [None, b"", b"-1", b"4 bytes"])
def test_chunked_body_is_refused_as_soon_as_it_is_too_long(announced: bytes | None) -> None:
    """Without a length that can be read, what has arrived counts."""
    with pytest.raises(RequestError) as caught:
        _post([b"123", b"45", b"never read"], announced)
    assert caught.value.status == 413


def test_lying_length_does_not_help() -> None:
    """A short length before a long body."""
    with pytest.raises(RequestError):
        _post([b"123", b"45"], b"1")


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
        receive = in_time(_Drip().receive, timeout_s=0.01)
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

        timed = in_time(receive, timeout_s=0.01)
        await timed()
        asyncio.get_running_loop().call_later(0.03, left.set)
        return await timed()

    assert asyncio.run(run())["type"] == "http.disconnect"


def test_body_that_has_come_is_read_as_it_is() -> None:
    """As our own server says of most: it has counted them."""
    client = _Drip(is_whole=True)
    receive = client.receive
    assert LIMIT.around(receive, b"4", client) is receive
    with pytest.raises(RequestError):
        LIMIT.around(receive, b"5", client)


def test_body_without_a_length_is_counted_although_it_has_come() -> None:
    """A chunked one can be as long as it likes until somebody reads it."""

    async def run() -> None:
        receive = LIMIT.around(_Drip(is_whole=True).receive, None, _Drip(is_whole=True))
        for _ in range(5):
            await receive()

    with pytest.raises(RequestError) as caught:
        asyncio.run(run())
    assert caught.value.status == 413
