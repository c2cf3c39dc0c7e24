"""One connection: what it reports when, and when it is of no more use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.errors import UpstreamError
from proxy.tasks import spawn
from proxy.upstream.connection import MAX_BUFFERED_BYTES, Connection
from tests.conformance.upstream_faults import OK
from tests.proxy.upstream.wire import Wire, connected, finish

HEAD = b"POST / HTTP/1.1\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
FOREVER = float("inf")


def on_a_connection(
    act: Callable[[Connection, Wire], Awaitable[None]], *, is_tls: bool = False
) -> None:
    """Run ``act`` on a connected one."""

    async def main() -> None:
        connection, wire = connected(is_tls=is_tls)
        await act(connection, wire)
        connection.abort()

    asyncio.run(main())


async def soon(call: Callable[[], None]) -> None:
    """Call it in the next turn of the loop."""
    await asyncio.sleep(0)
    call()


@pytest.mark.parametrize("n_bytes", [0, 10, 1_000_000])
def test_request_is_written_whole(n_bytes: int) -> None:
    """Small ones in one piece, large ones without a copy."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"x" * n_bytes)
        assert wire.written == HEAD + b"x" * n_bytes
        assert connection.n_requests == 1

    on_a_connection(act)


def test_body_that_came_with_the_headers_is_there_without_waiting() -> None:
    """And one that has not all come is left to be had in pieces."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        connection.data_received(CHUNKED + b"2\r\nok\r\n")
        assert connection.whole() is None
        connection.data_received(b"0\r\n\r\n")
        assert connection.whole() == b"ok"
        assert connection.is_reusable

    on_a_connection(act)


def test_pieces_before_a_failure_are_delivered_first() -> None:
    """What came is the client's."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        connection.data_received(CHUNKED + b"2\r\nok\r\n")
        connection.connection_lost(ConnectionResetError())
        await connection.head(FOREVER)
        assert await connection.piece(1.0, FOREVER) == b"ok"
        with pytest.raises(UpstreamError) as caught:
            await connection.piece(1.0, FOREVER)
        assert caught.value.error_type == "closed"

    on_a_connection(act)


def test_head_waits_for_all_of_it() -> None:
    """A part wakes nobody for long."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(connection.head(asyncio.get_running_loop().time() + 60))
            await soon(lambda: connection.data_received(OK[:10]))
            await asyncio.sleep(0)
            assert not waiting.done()
            connection.data_received(OK[10:])
        assert connection.parser.status == 200

    on_a_connection(act)


def test_later_wait_with_an_earlier_end_is_not_missed() -> None:
    """The timer of the wait before would fire too late."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        now = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.head(now + 3600))
            await soon(lambda: connection.data_received(CHUNKED))
        with pytest.raises(UpstreamError) as caught:
            await connection.piece(0.01, FOREVER)
        assert caught.value.error_type == "timeout"
        assert wire.is_aborted

    on_a_connection(act)


def test_earlier_timer_does_not_end_a_later_wait() -> None:
    """It was left from the request before, and is armed again."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        now = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.head(now + 0.02))
            await soon(lambda: connection.data_received(CHUNKED))
        async with asyncio.TaskGroup() as group:
            piece = group.create_task(connection.piece(60, FOREVER))
            await asyncio.sleep(0.05)
            assert not piece.done()
            connection.data_received(b"2\r\nok\r\n")
        assert piece.result() == b"ok"

    on_a_connection(act)


def test_total_time_ends_a_stream_that_never_pauses() -> None:
    """Even when there is always something to take."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        connection.data_received(CHUNKED + b"2\r\nok\r\n")
        with pytest.raises(UpstreamError) as caught:
            await connection.piece(60, asyncio.get_running_loop().time())
        assert caught.value.error_type == "timeout"

    on_a_connection(act)


def test_reading_pauses_while_much_is_untaken() -> None:
    """And goes on once it has been."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        connection.data_received(CHUNKED)
        while wire.is_flowing:
            connection.data_received(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        assert MAX_BUFFERED_BYTES < connection.parser.n_buffered <= MAX_BUFFERED_BYTES + 4096
        await connection.piece(1.0, FOREVER)
        assert wire.is_flowing

    on_a_connection(act)


def test_connection_is_reusable_after_a_whole_answer_alone() -> None:
    """Not before, and not with something left to send."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        assert not connection.is_reusable
        connection.data_received(OK)
        assert connection.is_reusable
        wire.n_unsent = 1
        assert not connection.is_reusable

    on_a_connection(act)


@pytest.mark.parametrize(("is_tls", "is_reusable"), [(True, False), (False, True)])
def test_long_request_that_was_refused_spoils_a_tls_connection(
    *, is_tls: bool, is_reusable: bool
) -> None:
    """Its transport does not tell how much was really sent."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"x" * 100_000)
        connection.data_received(b"HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n")
        assert connection.is_reusable is is_reusable

    on_a_connection(act, is_tls=is_tls)


def test_idle_connection_with_something_to_read_is_stale() -> None:
    """Before the event loop has looked."""

    async def act(connection: Connection, wire: Wire) -> None:
        finish(connection)
        assert not connection.is_stale
        wire.peer.send(b"x")
        assert connection.is_stale

    on_a_connection(act)


def test_idle_connection_closed_by_the_server_is_stale() -> None:
    """The end is readable, too."""

    async def act(connection: Connection, wire: Wire) -> None:
        finish(connection)
        wire.peer.close()
        assert connection.is_stale

    on_a_connection(act)


@pytest.mark.parametrize(
    ("n_before", "received", "was_stale"), [(1, b"", True), (0, b"", False), (1, b"H", False)]
)
def test_was_stale_only_if_reused_and_silent(
    n_before: int, received: bytes, *, was_stale: bool
) -> None:
    """All else may have been worked on."""

    async def act(connection: Connection, wire: Wire) -> None:
        for _ in range(n_before):
            finish(connection)
        connection.send(HEAD, b"")
        connection.data_received(received)
        connection.connection_lost(None)
        assert connection.was_stale is was_stale

    on_a_connection(act)


def test_death_after_a_while_was_not_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server was working on it, and may die of it again."""

    async def act(connection: Connection, wire: Wire) -> None:
        finish(connection)
        connection.send(HEAD, b"")
        loop = asyncio.get_running_loop()
        later = loop.time() + 5
        with monkeypatch.context() as patch:
            patch.setattr(loop, "time", lambda: later)
            connection.connection_lost(None)
            assert not connection.was_stale

    on_a_connection(act)


def test_first_failure_is_the_one_reported() -> None:
    """The end that follows it says less."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.send(HEAD, b"")
        connection.data_received(b"SSH-2.0\r\n")
        connection.eof_received()
        connection.connection_lost(None)
        with pytest.raises(UpstreamError) as caught:
            await connection.head(FOREVER)
        assert caught.value.error_type == "protocol"

    on_a_connection(act)


def test_nothing_is_sent_on_a_connection_lost_before() -> None:
    """A server that accepts only to hang up."""

    async def act(connection: Connection, wire: Wire) -> None:
        connection.connection_lost(None)
        with pytest.raises(UpstreamError) as caught:
            connection.send(HEAD, b"")
        assert caught.value.error_type == "closed"
        assert not caught.value.is_sent
        assert not wire.written

    on_a_connection(act)


class _Sink:
    """Takes what it is offered, unless it is told not to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.is_open = True

    def take(self, piece: bytes) -> bool:
        """See `Take`."""
        if self.is_open:
            self.taken.append(piece)
        return self.is_open


async def _waiting(connection: Connection, *, idle_s: float = 60.0) -> asyncio.Task[bytes]:
    """Begin a chunked response, and wait for its first piece."""
    connection.send(HEAD, b"")
    connection.data_received(CHUNKED)
    waiting: asyncio.Task[bytes] = spawn(connection.piece(idle_s, FOREVER), name="piece")
    await asyncio.sleep(0)
    return waiting


def test_pushed_pieces_wake_nobody() -> None:
    """Until one is declined: then it is given to whoever waits, and nothing is lost or swapped."""

    async def act(connection: Connection, wire: Wire) -> None:
        sink = _Sink()
        connection.push_to(sink.take)
        waiting = await _waiting(connection)
        connection.data_received(b"1\r\na\r\n")
        connection.data_received(b"1\r\nb\r\n1\r\nc\r\n")
        await asyncio.sleep(0)
        assert not waiting.done()
        sink.is_open = False
        connection.data_received(b"1\r\nd\r\n")
        sink.is_open = True
        connection.data_received(b"1\r\ne\r\n")
        assert await waiting == b"de"
        assert sink.taken == [b"a", b"bc"]

    on_a_connection(act)


def test_nothing_is_pushed_while_nobody_waits() -> None:
    """Whoever took the piece before has not passed it on yet."""

    async def act(connection: Connection, wire: Wire) -> None:
        sink = _Sink()
        connection.push_to(sink.take)
        connection.send(HEAD, b"")
        connection.data_received(CHUNKED + b"1\r\na\r\n")
        connection.data_received(b"1\r\nb\r\n")
        assert await connection.piece(1.0, FOREVER) == b"ab"
        assert sink.taken == []

    on_a_connection(act)


@pytest.mark.parametrize("with_a_piece", [True, False])
def test_end_is_waited_for(*, with_a_piece: bool) -> None:
    """The last piece with it."""

    async def act(connection: Connection, wire: Wire) -> None:
        sink = _Sink()
        connection.push_to(sink.take)
        waiting = await _waiting(connection)
        connection.data_received(b"1\r\na\r\n")
        connection.data_received(b"1\r\nb\r\n0\r\n\r\n" if with_a_piece else b"0\r\n\r\n")
        pieces = [await waiting] if with_a_piece else []
        if not with_a_piece:
            with pytest.raises(StopAsyncIteration):
                await waiting
        assert (sink.taken, pieces) == ([b"a"], [b"b"] if with_a_piece else [])

    on_a_connection(act)


def test_failure_is_waited_for() -> None:
    """After all that was pushed."""

    async def act(connection: Connection, wire: Wire) -> None:
        sink = _Sink()
        connection.push_to(sink.take)
        waiting = await _waiting(connection)
        connection.data_received(b"1\r\na\r\n")
        connection.connection_lost(ConnectionResetError())
        with pytest.raises(UpstreamError):
            await waiting
        assert sink.taken == [b"a"]

    on_a_connection(act)


def test_pushed_piece_begins_the_wait_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a server that then says nothing more is given up all the same."""

    async def act(connection: Connection, wire: Wire) -> None:
        loop = asyncio.get_running_loop()
        began, passed_s = loop.time(), 0.0
        monkeypatch.setattr(loop, "time", lambda: began + passed_s)
        connection.push_to(_Sink().take)
        waiting = await _waiting(connection, idle_s=60.0)
        passed_s = 50.0
        connection.data_received(b"1\r\na\r\n")
        for passed_s in (70.0, 109.0):  # noqa: B007 - the clock reads it
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not waiting.done()
        passed_s = 111.0
        with pytest.raises(UpstreamError) as caught:
            await waiting
        assert caught.value.error_type == "timeout"

    on_a_connection(act)
