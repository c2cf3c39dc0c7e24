"""A connection of the server: what goes over the wire, request by request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from proxy.tasks import spawn
from proxy.wire.http_server import server_config
from proxy.wire.server_connection import MAX_HEAD_BYTES, ServerConnection

GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
CLOSE = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
GIVE_UP_S = 10


class App:
    """Answers with the method, the path, the query and the body; keeps what it was asked.

    Attributes:
        scopes: of all requests.
        gate: what answers wait for.
        left: how many clients left before their answer.
    """

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one."""
        self.scopes.append(scope)
        self.asked.set()
        body, more = b"", True
        while more and scope["path"] != "/unread":
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await self.gate.wait()
        said = b" ".join([scope["method"].encode(), scope["path"].encode(), body])
        length = (b"content-length", b"%d" % len(said))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": said})


class Served:
    """A server and what it knows."""

    def __init__(self, app: App, port: int, state: ServerState) -> None:
        self.app = app
        self.port = port
        self.state = state

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def all_of(self, data: bytes) -> bytes:
        """Send this, and read until the server closes the connection."""
        reader, writer = await self.connect()
        writer.write(data)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def serving(keep_alive_s: float = 60) -> AsyncIterator[Served]:
    """Serve an `App`; nothing may be left of it afterwards."""
    app, state = App(), ServerState()
    config = server_config(app, keep_alive_s=keep_alive_s, drain_s=1, lifespan="off")
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]  # uvicorn's own way to call it
        "127.0.0.1",
        0,
    )
    async with server:
        yield Served(app, server.sockets[0].getsockname()[1], state)
    await until(lambda: not (state.connections or state.tasks))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for the event loop to get there."""
    async with asyncio.timeout(GIVE_UP_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for are sets of uvicorn's
            await asyncio.sleep(0)


def serve(test: Callable[[Served], Awaitable[None]], *, keep_alive_s: float = 60) -> None:
    """Run a test against a server."""

    async def main() -> None:
        async with serving(keep_alive_s) as served:
            await test(served)

    asyncio.run(main())


def bodies(answer: bytes) -> list[bytes]:
    """The bodies of several answers, each with its length."""
    found = []
    while answer:
        head, _, answer = answer.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(answer[:length])
        answer = answer[length:]
    return found


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
        b"POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "GET /ü HTTP/1.1\r\n\r\n".encode(),
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
    broken = b"POST /b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(GET + broken)) == [b"GET /a "]
        assert len(served.app.scopes) == 1

    serve(test)


def test_a_head_without_end_is_a_431() -> None:
    """It would fill the memory otherwise."""
    data = b"GET /a HTTP/1.1\r\n" + b"a: b\r\n" * (MAX_HEAD_BYTES // 6 + 1)

    async def test(served: Served) -> None:
        answer = await served.all_of(data)
        assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")

    serve(test)


def test_who_wants_to_upgrade_is_answered_in_http_and_not_again() -> None:
    """What follows would be another protocol."""
    upgrade = b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"

    async def test(served: Served) -> None:
        answer = await served.all_of(upgrade + GET)
        assert bodies(answer) == [b"GET /a "]

    serve(test)


def test_a_body_that_nobody_reads_is_read_past() -> None:
    """The next request is where it should be."""
    long = b"x" * 300_000
    data = b"POST /unread HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(long) + long + CLOSE

    async def test(served: Served) -> None:
        assert bodies(await served.all_of(data)) == [b"POST /unread ", b"GET /last "]

    serve(test)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /unread HTTP/1.1\r\nconnection: close\r\ncontent-length: 4096\r\n\r\n", b"200"),
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
    data = b"POST /a HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(long) + long

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
    data = b"POST /a HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % n_bytes

    async def test(served: Served) -> None:
        reader, writer = await served.connect()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(data + b"x" * n_bytes)
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
