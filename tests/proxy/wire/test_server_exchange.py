"""One exchange between a connection and an application, without sockets."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from functools import cached_property

import pytest
from starlette.types import Message, Receive, Scope, Send

from proxy.tasks import spawn
from proxy.wire.server_exchange import MAX_UNREAD_BYTES, Exchange

START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"2")],
}


class Line:
    """A connection that keeps what happens to it."""

    def __init__(self) -> None:
        self.default_headers: list[tuple[bytes, bytes]] = []
        self.written: list[bytes] = []
        self.events: list[str] = []
        self.write = self.written.append
        self.congestion: asyncio.Future[None] | None = None

    @cached_property
    def done(self) -> asyncio.Future[None]:
        """Of the loop that the test runs in."""
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def drained(self) -> None:
        """Wait for the future."""
        assert self.congestion is not None
        await self.congestion
        self.congestion = None

    def pause(self) -> None:
        """Keep that."""
        self.events.append("pause")

    def resume(self) -> None:
        """Keep that."""
        self.events.append("resume")

    def answered(self, *, is_last: bool) -> None:
        """Keep that."""
        self.events.append("last" if is_last else "answered")


def exchange_on(
    line: Line, *, method: str = "POST", version: str = "1.1", expects_continue: bool = False
) -> Exchange:
    """A request that has just begun."""
    scope: Scope = {"type": "http", "method": method, "http_version": version}
    return Exchange(line, scope, keeps_alive=True, expects_continue=expects_continue)


def run(*steps: Message, exchange: Exchange) -> None:
    """Have an application send these messages."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for step in steps:
            await send(step)

    asyncio.run(exchange.run(app))


def body(data: bytes, *, more: bool = False) -> Message:
    """A message with a piece of the body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def received(exchange: Exchange, then: Callable[[], None]) -> Message:
    """What `receive` gives when `then` happens while it waits."""

    async def main() -> Message:
        waiting: asyncio.Task[Message] = spawn(exchange.receive(), name="receive")
        await asyncio.sleep(0)
        then()
        return await waiting

    return asyncio.run(main())


def test_a_response_is_one_write() -> None:
    """Head and body together."""
    line = Line()
    run(START, body(b"hi"), exchange=exchange_on(line))
    assert line.written == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"]
    assert line.events == ["answered"]


def test_a_body_without_a_length_goes_in_chunks() -> None:
    """Each piece a write."""
    line = Line()
    start = {**START, "headers": []}
    pieces = (body(b"one", more=True), body(b"", more=True), body(b"x"))
    run(start, *pieces, exchange=exchange_on(line))
    assert line.written == [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        b"1\r\nx\r\n0\r\n\r\n",
    ]


def test_for_an_old_client_the_connections_end_is_the_bodys() -> None:
    """HTTP/1.0 has no chunks."""
    line = Line()
    run({**START, "headers": []}, body(b"x"), exchange=exchange_on(line, version="1.0"))
    assert line.written == [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nx"]
    assert line.events == ["last"]


def test_head_gets_the_length_and_no_body() -> None:
    """As for GET, but for the body."""
    line = Line()
    run(START, body(b"hi"), exchange=exchange_on(line, method="HEAD"))
    assert line.written == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"]


@pytest.mark.parametrize("data", [b"h", b"hi!"])
def test_a_body_of_another_length_ends_the_connection(data: bytes) -> None:
    """The client could not tell where the next response begins."""
    line = Line()
    run(START, body(data), exchange=exchange_on(line))
    assert line.written == []
    assert line.events == ["last"]


@pytest.mark.parametrize(
    "steps", [(), (body(b"x"),), ({**START, "headers": [(b"a", b"\r\n")]},)], ids=str
)
def test_an_application_that_gives_no_response_is_a_500(steps: tuple[Message, ...]) -> None:
    """And the end of the connection."""
    line = Line()
    run(*steps, exchange=exchange_on(line))
    assert line.written[0].startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert line.events == ["last"]


@pytest.mark.parametrize("steps", [(START,), (START, START), (START, body(b"h", more=True))])
def test_an_application_that_ends_midway_ends_the_connection(steps: tuple[Message, ...]) -> None:
    """The client notices that something is missing."""
    line = Line()
    run(*steps, exchange=exchange_on(line))
    assert line.events == ["last"]


def test_nothing_follows_a_response() -> None:
    """A bug of the application's, which the client does not see."""
    line = Line()
    run(START, body(b"hi"), body(b"more"), exchange=exchange_on(line))
    assert len(line.written) == 1
    assert line.events == ["answered"]


def test_the_body_is_read_in_pieces() -> None:
    """As they come; the last says so."""
    exchange = exchange_on(Line())
    first = received(exchange, lambda: exchange.take(b"a"))
    exchange.take(b"b")
    exchange.take(b"c")
    second = received(exchange, exchange.end)
    assert first == {"type": "http.request", "body": b"a", "more_body": True}
    assert second == {"type": "http.request", "body": b"bc", "more_body": True}
    assert received(exchange, exchange.end)["more_body"] is False


def test_a_long_body_waits_in_the_clients_hands() -> None:
    """Reading pauses until the application takes what has come."""
    line = Line()
    exchange = exchange_on(line)
    exchange.take(b"x" * (MAX_UNREAD_BYTES + 1))
    assert line.events == ["pause"]
    asyncio.run(exchange.receive())
    assert line.events == ["pause", "resume"]


def test_a_long_body_that_is_whole_is_taken_and_reading_goes_on() -> None:
    """Or nobody would hear the client leave."""
    line = Line()
    exchange = exchange_on(line)
    exchange.take(b"x" * (MAX_UNREAD_BYTES + 1))
    exchange.end()
    assert not asyncio.run(exchange.receive())["more_body"]
    assert line.events == ["pause", "resume"]


def test_a_client_that_asks_whether_to_go_on_is_told_once() -> None:
    """When the application wants the body."""
    line = Line()
    exchange = exchange_on(line, expects_continue=True)
    received(exchange, lambda: exchange.take(b"x"))
    received(exchange, exchange.end)
    assert line.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]


def test_a_client_that_has_left_is_not_told_to_go_on() -> None:
    """Its connection may take no more writing."""
    line = Line()
    exchange = exchange_on(line, expects_continue=True)
    exchange.leave()
    assert asyncio.run(exchange.receive()) == {"type": "http.disconnect"}
    assert line.written == []


def test_a_client_that_is_not_told_to_go_on_is_not_listened_to_again() -> None:
    """Its body could be taken for the next request."""
    line = Line()
    run(START, body(b"hi"), exchange=exchange_on(line, expects_continue=True))
    assert b"connection: close\r\n" in line.written[0]
    assert line.events == ["last"]


def test_a_client_that_leaves_is_told_of_by_receive_and_by_the_callback() -> None:
    """And nothing more is written."""
    line = Line()
    exchange = exchange_on(line)
    left: list[str] = []
    exchange.when_left(lambda: left.append("left"))
    assert received(exchange, exchange.leave) == {"type": "http.disconnect"}
    run(START, body(b"hi"), exchange=exchange)
    assert (left, line.written) == (["left"], [])


def test_whoever_asks_late_hears_of_a_client_that_has_left() -> None:
    """At once."""
    exchange = exchange_on(Line())
    exchange.leave()
    left: list[str] = []
    exchange.when_left(lambda: left.append("left"))
    assert left == ["left"]


def test_a_complete_response_cannot_be_left() -> None:
    """Nobody hears of the connection's end, but `receive` says that nothing more comes."""
    exchange = exchange_on(Line())
    left: list[str] = []
    exchange.when_left(lambda: left.append("left"))
    run(START, body(b"hi"), exchange=exchange)
    exchange.leave()
    assert left == []
    assert asyncio.run(exchange.receive()) == {"type": "http.disconnect"}


def test_a_slow_client_holds_the_application_up() -> None:
    """Until it has read on."""
    line = Line()
    exchange = exchange_on(line)

    async def main() -> list[bytes]:
        line.congestion = asyncio.get_running_loop().create_future()
        sent = spawn(_two(exchange), name="send")
        await asyncio.sleep(0)
        before = list(line.written)
        line.congestion.set_result(None)
        await sent
        return before

    assert asyncio.run(main()) == []
    assert len(line.written) == 1


async def _two(exchange: Exchange) -> None:
    await exchange(START)
    await exchange(body(b"hi"))


def test_a_stopped_server_ends_what_it_stops() -> None:
    """A cancelled application leaves no open response behind."""
    line = Line()
    exchange = exchange_on(line)

    async def main() -> None:
        task = spawn(exchange.run(_endless), name="run")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert line.events == ["last"]


async def _endless(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.get_running_loop().create_future()


def test_an_answered_exchange_leaves_nothing_to_the_garbage_collector() -> None:
    """At thousands a second that would be felt."""
    line = Line()
    scope: Scope = {"type": "http", "method": "POST", "http_version": "1.1"}
    exchange = Exchange(line, scope, keeps_alive=True, expects_continue=False)
    scope["extensions"] = {"leaving": exchange}
    run(START, body(b"hi"), exchange=exchange)
    gone = weakref.ref(exchange)
    gc.disable()
    try:
        del exchange, scope
        assert gone() is None
    finally:
        gc.enable()


CHUNKED: Message = {**START, "headers": []}


def _pushed(*steps: Message, line: Line, piece: bytes = b"hi", is_gone: bool = False) -> bool:
    """Whether a piece is sent after these messages."""
    exchange = exchange_on(line)

    async def main() -> bool:
        for step in steps:
            await exchange(step)
        if is_gone:
            exchange.leave()
        return exchange.push(piece)

    return asyncio.run(main())


def test_a_piece_of_a_body_that_has_begun_is_pushed() -> None:
    """In the form of any other."""
    line = Line()
    assert _pushed(CHUNKED, body(b"one", more=True), line=line)
    assert line.written[1:] == [b"2\r\nhi\r\n"]


@pytest.mark.parametrize(
    "steps",
    [(), (CHUNKED,), (START, body(b"h", more=True)), (CHUNKED, body(b"one"))],
    ids=["nothing sent", "only the status", "with a length", "ended"],
)
def test_nothing_is_pushed_anywhere_else(steps: tuple[Message, ...]) -> None:
    """What has a length is counted, and an end is an end."""
    line = Line()
    assert not _pushed(*steps, line=line)
    assert b"2\r\nhi\r\n" not in line.written


def test_an_empty_piece_is_not_pushed() -> None:
    """It would be the end of the body."""
    assert not _pushed(CHUNKED, body(b"one", more=True), line=Line(), piece=b"")


def test_nothing_is_pushed_to_a_client_that_has_left() -> None:
    """Whoever waits for the next piece hears of it."""
    assert not _pushed(CHUNKED, body(b"one", more=True), line=Line(), is_gone=True)


def test_nothing_is_pushed_to_a_slow_client() -> None:
    """So that whoever waits for the next piece is held up."""
    line = Line()
    exchange = exchange_on(line)

    async def main() -> bool:
        await exchange(CHUNKED)
        await exchange(body(b"one", more=True))
        line.congestion = asyncio.get_running_loop().create_future()
        return exchange.push(b"hi")

    assert not asyncio.run(main())
