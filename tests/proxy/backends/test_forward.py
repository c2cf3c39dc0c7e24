"""One forwarded request, without a network: whatever happens, its exchange is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import pytest

from proxy.backends.base import Reply
from proxy.backends.forward import Forwarded
from proxy.domain import Transcript
from proxy.errors import BackendError, UpstreamError
from proxy.upstream.base import Response

BODY = b'{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'
BROKEN = UpstreamError("It broke off.", error_type="closed")


class _Exchange:
    """A response that is there already, or a failure; it counts how often it was left."""

    def __init__(
        self, *pieces: bytes | UpstreamError, status: int = 200, fails: UpstreamError | None = None
    ) -> None:
        self._pieces = pieces
        self._status = status
        self._fails = fails
        self.n_left = 0

    async def __aenter__(self) -> Response:
        if self._fails is not None:
            raise self._fails
        return Response(self._status, ((b"set-cookie", b"a=b"),), self._chunks())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.n_left += 1

    async def _chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, UpstreamError):
                raise piece
            yield piece


def _forward(exchange: _Exchange, transcript: Transcript) -> tuple[Reply, bytes]:
    async def run() -> tuple[Reply, bytes]:
        async with Forwarded(lambda: exchange, transcript, model="m", key="sk-ours") as reply:
            return reply, b"".join([chunk async for chunk in reply.chunks])

    return asyncio.run(run())


def test_answer_is_passed_on_and_read_on_the_side() -> None:
    """Cookies stay here; what has no type is JSON."""
    exchange, transcript = _Exchange(BODY[:9], BODY[9:]), Transcript()
    reply, body = _forward(exchange, transcript)
    assert (reply.status, body, transcript.text) == (200, BODY, "Hi")
    assert reply.headers == ((b"content-type", b"application/json"),)
    assert exchange.n_left == 1


def test_failure_to_enter_is_the_backends() -> None:
    """Nothing was entered, so nothing is left."""
    exchange, transcript = _Exchange(fails=BROKEN), Transcript()
    with pytest.raises(BackendError, match=r"Model m: It broke off\."):
        _forward(exchange, transcript)
    assert (transcript.error_type, exchange.n_left) == ("closed", 0)


@pytest.mark.parametrize("status", [200, 500], ids=["answer", "error"])
def test_failure_midway_leaves_the_exchange_once(status: int) -> None:
    """An error's body is read before anything is handed on, an answer's as it comes."""
    exchange, transcript = _Exchange(b"{", BROKEN, status=status), Transcript()
    with pytest.raises(BackendError):
        _forward(exchange, transcript)
    assert (transcript.error_type, exchange.n_left) == ("closed", 1)


def test_our_key_is_not_passed_on() -> None:
    """Some servers quote it."""
    exchange, transcript = _Exchange(b"bad key sk-ours", status=401), Transcript()
    assert _forward(exchange, transcript)[1] == b"bad key ***"
    assert transcript.error_type == "provider"
