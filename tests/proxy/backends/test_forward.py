"""One forwarded request, without a network: whatever happens, its exchange is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import pytest

from proxy.backends.base import Reply
from proxy.backends.config import RetriesConfig
from proxy.backends.forward import Forwarded, Terms
from proxy.domain import Transcript
from proxy.errors import BackendError, UpstreamError
from proxy.upstream.base import Headers, Pushes, Response, Take

BODY = b'{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'
BROKEN = UpstreamError("It broke off.", error_type="closed")


class _Exchange:
    """A response that is there already, or a failure; it counts how often it was left."""

    def __init__(
        self,
        *pieces: bytes | UpstreamError,
        status: int = 200,
        fails: UpstreamError | None = None,
        retry_after: bytes | None = None,
    ) -> None:
        self._headers: Headers = ((b"set-cookie", b"a=b"),)
        if retry_after is not None:
            self._headers += ((b"retry-after", retry_after),)
        self._pieces = pieces
        self._status = status
        self._fails = fails
        self.n_left = 0

    async def __aenter__(self) -> Response:
        if self._fails is not None:
            raise self._fails
        return Response(self._status, self._headers, self._chunks())

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
        async with Forwarded(lambda: exchange, transcript, Terms("m", "sk-ours")) as reply:
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


REFUSED = UpstreamError("Nobody is there.", error_type="connect", is_sent=False)


class _Sequence:
    """Exchanges, one for each time that the server is asked."""

    def __init__(self, *exchanges: _Exchange) -> None:
        self.exchanges = exchanges
        self.n_asked = 0

    def __call__(self) -> _Exchange:
        self.n_asked += 1
        return self.exchanges[self.n_asked - 1]


def _busy(status: int = 503, retry_after: bytes = b"0") -> _Exchange:
    return _Exchange(b"busy", status=status, retry_after=retry_after)


def _persist(
    *exchanges: _Exchange, max_retries: int = 2
) -> tuple[int, bytes, list[str], _Sequence]:
    """Status and body of what came of it, the retries' reasons, and the exchanges."""
    ask, reasons = _Sequence(*exchanges), list[str]()
    terms = Terms(
        "m",
        retries=RetriesConfig(max_retries=max_retries, max_wait_s=0.001),
        on_retry=reasons.append,
    )

    async def run() -> tuple[int, bytes]:
        async with Forwarded(ask, Transcript(), terms) as reply:
            return reply.status, b"".join([chunk async for chunk in reply.chunks])

    return *asyncio.run(run()), reasons, ask


def test_failed_connection_is_made_again() -> None:
    """The server has not seen the request."""
    status, body, reasons, _ = _persist(_Exchange(fails=REFUSED), _Exchange(BODY))
    assert (status, body, reasons) == (200, BODY, ["connect"])


@pytest.mark.parametrize("status", [429, 503])
def test_server_that_says_when_to_come_back_is_asked_again(status: int) -> None:
    """Its refusal is left before, so that no connection is kept for nothing."""
    first = _busy(status)
    got, body, reasons, _ = _persist(first, _Exchange(BODY))
    assert (got, body, reasons) == (200, BODY, [f"status_{status}"])
    assert first.n_left == 1


def test_refusal_passes_unchanged_when_retries_are_used_up() -> None:
    """However the failures mix, there are no more attempts than configured."""
    last = _busy()
    status, body, reasons, ask = _persist(_Exchange(fails=REFUSED), _busy(429), last)
    assert (status, body) == (503, b"busy")
    assert reasons == ["connect", "status_429"]
    assert [item.n_left for item in ask.exchanges] == [0, 1, 1]


def test_long_wait_is_the_clients_to_decide() -> None:
    """Its answer passes at once."""
    status, _, reasons, ask = _persist(_busy(retry_after=b"30"))
    assert (status, reasons, ask.n_asked) == (503, [], 1)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502])
def test_other_errors_are_not_repeated(status: int) -> None:
    """The request is wrong, or may have been worked on."""
    _, _, reasons, _ = _persist(_busy(status))
    assert not reasons


def test_failure_after_sending_is_not_repeated() -> None:
    """It may be generating already."""
    with pytest.raises(BackendError):
        _persist(_Exchange(fails=BROKEN), _Exchange(BODY))


def test_failure_of_the_last_attempt_is_what_the_client_hears_of() -> None:
    """It is the newest news."""
    with pytest.raises(BackendError, match="Nobody is there"):
        _persist(_busy(), _Exchange(fails=REFUSED), max_retries=1)


def test_cancelled_wait_keeps_nothing() -> None:
    """The client has left while the server was to be asked again."""
    busy = _Exchange(b"busy", status=503, retry_after=b"60")
    waiting = asyncio.Event()
    terms = Terms(
        "m",
        retries=RetriesConfig(max_wait_s=60),
        on_retry=lambda _reason: waiting.set(),
    )

    async def run() -> None:
        forwarded = Forwarded(lambda: busy, Transcript(), terms)
        task = asyncio.get_running_loop().create_task(forwarded.__aenter__())
        await waiting.wait()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    assert busy.n_left == 1


def test_route_that_nobody_reads_is_not_read() -> None:
    """Whatever it answers with, it is no error of ours."""
    transcript = Transcript()

    async def run() -> bytes:
        exchange = _Exchange(b"\x00\x01")
        async with Forwarded(lambda: exchange, transcript, Terms("m", record=None)) as reply:
            return b"".join([chunk async for chunk in reply.chunks])

    assert asyncio.run(run()) == b"\x00\x01"
    assert transcript.error_type is None


class _Pushing:
    """Chunks of a stream that are pushed while the first one is waited for."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def push_to(self, take: Take) -> None:
        """See `Pushes`."""
        self._take = take

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            if not self._take(piece):
                return piece
        raise StopAsyncIteration


class _Stream(_Exchange):
    """An answer that pushes."""

    async def __aenter__(self) -> Response:
        event = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
        chunks = _Pushing(event % b"a", event % b"b", b"data: [DONE]\n\n")
        return Response(200, ((b"content-type", b"text/event-stream"),), chunks)


@pytest.mark.parametrize("takes", [True, False])
def test_what_is_pushed_is_read_on_the_side_too(*, takes: bool) -> None:
    """Once, whether it is taken or waited for."""
    transcript = Transcript()

    async def run() -> list[bytes]:
        taken: list[bytes] = []

        def take(piece: bytes) -> bool:
            if takes:
                taken.append(piece)
            return takes

        async with Forwarded(_Stream, transcript, Terms("m")) as reply:
            assert isinstance(reply.chunks, Pushes)
            reply.chunks.push_to(take)
            first = await anext(reply.chunks, b"")
        return taken if takes else [first]

    pieces = asyncio.run(run())
    transcript.settle()
    assert (len(pieces), transcript.text) == ((3, "ab") if takes else (1, "a"))
