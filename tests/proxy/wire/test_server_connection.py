"""A connection of the server: what goes over the wire, request by request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvloop

from proxy.tasks import spawn
from proxy.wire.server_connection import MAX_HEAD_BYTES, ServerConnection
from tests.proxy.wire.served import (
    CLOSE,
    GET,
    GIVE_UP_S,
    Served,
    bodies,
    posted,
    serve,
    serving,
    until,
)


def test_requests_follow_each_other_on_one_connection() -> None:
    """The last one ends it."""

    async def test(served: Served) -> None:
        answer = await served.all_of(GET + CLOSE)
        assert bodies(answer) == [b"GET /a ", b"GET /last "]
        assert answer.count(b"connection: close") == 1

    serve(test)


def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    """None begins before the one in front of it is answered."""

    async def test(served: Served) -> None:
        served.app.gate.clear()
        reading = spawn(served.all_of(GET * 5 + CLOSE), name="client")
        await served.app.asked.wait()
        assert len(served.app.scopes) == 1
        served.app.gate.set()
        assert bodies(await reading) == [b"GET /a "] * 5 + [b"GET /last "]

    serve(test)


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_a_request_may_be_cut_anywhere(cut: int) -> None:
    """The network does as it likes."""
    data = (
        b"POST /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )

    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(data[:cut])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(data[cut:])
        assert bodies(await reader.read()) == [b"POST /a b abcde"]
        writer.close()
        scope = served.app.scopes[0]
        assert (scope["raw_path"], scope["query_string"]) == (b"/a%20b", b"q=1")
        assert (b"host", b"x") in scope["headers"]
        assert scope["client"][0] == "127.0.0.1"

    serve(test)


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /a HTTP/1.1\nhost: x\n\n",
        b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "GET /ü HTTP/1.1\r\nhost: x\r\n\r\n".encode(),
        b"GET /a HTTP/1.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: x\r\nHost: y\r\n\r\n",
        b"GET /a HTTP/1.0\r\nhost: x\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_a_400(data: bytes) -> None:
    """And the end of the connection."""

    async def test(served: Served) -> None:
        answer = await served.all_of(data)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.count(b"HTTP/1.1") == 1

    serve(test)


def test_nonsense_behind_a_request_does_not_get_into_its_answer() -> None:
    """The answer is whole, and then the connection ends."""

    async def test(served: Served) -> None:
        served.app.gate.clear()
        reading = spawn(served.all_of(GET + b"nonsense\r\n\r\n"), name="client")
        await served.app.asked.wait()
        served.app.gate.set()
        assert bodies(await reading) == [b"GET /a "]

    serve(test)


def test_a_request_that_breaks_behind_another_is_not_begun() -> None:
    """What has been read whole is answered."""
    broken = b"POST /b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(GET + broken)) == [b"GET /a "]
        assert len(served.app.scopes) == 1

    serve(test)


def test_a_head_without_end_is_a_431() -> None:
    """It would fill the memory otherwise."""
    data = b"GET /a HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * (MAX_HEAD_BYTES // 6 + 1)

    async def test(served: Served) -> None:
        answer = await served.all_of(data)
        assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")

    serve(test)


def test_a_body_that_nobody_reads_is_read_past() -> None:
    """The next request is where it should be."""
    long = b"x" * 300_000
    data = posted(long, to=b"/unread") + CLOSE

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(data)) == [b"POST /unread ", b"GET /last "]

    serve(test)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (posted(b"", b"connection: close", to=b"/unread", framing=b"content-length: 4096"), b"200"),
        (b"no request\r\n\r\n", b"400"),
    ],
    ids=["answered early", "refused"],
)
def test_who_is_still_sending_hears_the_answer(head: bytes, status: bytes) -> None:
    """A reset would drop what has arrived and is not read yet."""

    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        writer.write(head)
        async with asyncio.timeout(GIVE_UP_S):
            said = await reader.readuntil(b"\r\n")
            for _ in range(64):
                writer.write(b"x")
                await asyncio.sleep(0)
            said += await reader.read()
        assert said.startswith(b"HTTP/1.1 " + status)
        writer.close()

    serve(test)


def test_a_long_body_arrives_whole() -> None:
    """In pieces, with pauses."""
    long = b"x" * 1_000_000
    data = posted(long, b"connection: close")

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(data)) == [b"POST /a " + long]

    serve(test)


def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    """Whether it has asked anything or not."""

    async def test(served: Served) -> None:
        assert await served.all_of(b"") == b""
        assert bodies(await served.all_of(GET)) == [b"GET /a "]

    serve(test, keep_alive_s=1)


def test_a_head_that_never_ends_does_not_hold_a_connection() -> None:
    """It counts as idle until the request has begun."""

    async def test(served: Served) -> None:
        assert await served.all_of(GET[:-2]) == b""

    serve(test, keep_alive_s=1)


def test_fields_behind_a_body_are_no_headers() -> None:
    """They would say what a server in front of us has taken out, and could go on for ever."""
    head = b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    trailers = b"authorization: Bearer x\r\nx-request-id: y\r\n\r\n"

    async def test(served: Served) -> None:
        await served.all_of(head + b"2\r\nhi\r\n0\r\n" + trailers + CLOSE)
        assert [name for name, _ in served.app.scopes[0]["headers"]] == [
            b"host",
            b"transfer-encoding",
        ]

    serve(test)


@pytest.mark.parametrize("loop_factory", [None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_small_pieces_go_out_at_once(loop_factory: Callable[[], Any] | None) -> None:
    """No delta waits for the client's word on the one before."""

    async def main() -> None:
        async with serving() as served:
            _, writer = await served.connect()
            await until(lambda: bool(served.state.connections))
            (connection,) = served.state.connections
            sock = cast("ServerConnection", connection)._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.transport.abort()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


@pytest.mark.parametrize("n_bytes", [2**16, 2**25], ids=["in buffers", "congested"])
def test_an_answer_that_nobody_reads_does_not_hold_a_connection(n_bytes: int) -> None:
    """Its client is as good as gone, whether it still sends or not."""
    data = posted(b"x" * n_bytes, b"connection: close")

    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(data)
        await served.app.asked.wait()
        await until(lambda: not served.state.connections)
        writer.transport.abort()

    serve(test, keep_alive_s=1)


def test_an_answer_may_take_longer_than_the_keep_alive_time() -> None:
    """Who waits for an answer is not idle."""

    async def test(served: Served) -> None:
        served.app.gate.clear()
        idle = spawn(served.all_of(b""), name="client")
        reading = spawn(served.all_of(CLOSE), name="client")
        await idle
        served.app.gate.set()
        assert bodies(await reading) == [b"GET /last "]

    serve(test, keep_alive_s=1)


def test_a_stopping_server_lets_answers_finish_and_closes_the_rest() -> None:
    """Idle connections at once."""

    async def test(served: Served) -> None:
        served.app.gate.clear()
        idle = spawn(served.all_of(b""), name="client")
        reading = spawn(served.all_of(GET), name="client")
        await served.app.asked.wait()
        await until(lambda: len(served.state.connections) == 2)
        for connection in tuple(served.state.connections):
            connection.shutdown()
        assert await idle == b""
        served.app.gate.set()
        assert bodies(await reading) == [b"GET /a "]

    serve(test)


def test_a_client_that_leaves_ends_its_exchange() -> None:
    """The application may go on; nobody hears it."""

    async def test(served: Served) -> None:
        served.app.gate.clear()
        _, writer = await served.connect()
        writer.write(GET)
        await served.app.asked.wait()
        writer.transport.abort()
        await until(lambda: not served.state.connections)
        served.app.gate.set()

    serve(test)


def test_a_client_that_leaves_after_a_long_body_is_noticed() -> None:
    """Reading goes on once the body has been taken, though it was whole."""

    async def test(served: Served) -> None:
        served.app.gate.clear()
        _, writer, connection = await served.connect_directly()
        connection.data_received(posted(b"x" * 2**17))
        await served.app.asked.wait()
        writer.transport.abort()
        await until(lambda: not served.state.connections)
        served.app.gate.set()

    serve(test)
