"""What every upstream client must survive: servers that break off, stall, lie or babble."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.base import Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint
from tests.conformance.upstream_harness import (
    IMPATIENT,
    PATIENT,
    UpstreamHarness,
    at,
    body_of,
    get,
    never,
    post,
)
from tests.loopback import Connection, Handler, Loopback, Received

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SURPLUS = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad"
STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b"9\r\ndata: 1\n\n\r\n9;x=y\r\ndata: \xc3\xa9\n\r\n1\r\n\n\r\n0\r\nx-trailer: 1\r\n\r\n"
)


def saying(data: bytes) -> Handler:
    """Answer every request with these bytes, and keep the connection."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.send(data)

    return handler


def saying_then_closing(data: bytes) -> Handler:
    """Answer with these bytes and end the connection in good order."""

    async def handler(_: Received, connection: Connection) -> None:
        await connection.send(data)
        connection.close()

    return handler


class UpstreamFaultSuite(UpstreamHarness):
    """Inherit, and say how to make the client."""

    def fails(self, handler: Handler, timeouts: Timeouts = PATIENT) -> UpstreamError:
        """The error that one request to such a server ends with."""
        errors: list[UpstreamError] = []

        async def act(client: UpstreamClient, server: Loopback) -> None:
            with pytest.raises(UpstreamError) as caught:
                async with post(client, server, timeouts=timeouts) as response:
                    await body_of(response)
            errors.append(caught.value)

        self.run(handler, act)
        return errors[0]

    def test_error_status_comes_with_its_body_and_retry_after(self) -> None:
        """The upstream's own words reach the client; they cost no connection."""
        statuses = [429, 500, 503]

        async def handler(request: Received, connection: Connection) -> None:
            status = int(request.path.rpartition("/")[2])
            await connection.respond(b'{"error":{}}', status=status, headers=b"retry-after: 7")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for status in statuses:
                endpoint = at(server, f"/{status}")
                async with client.request("POST", endpoint, (), b"{}", PATIENT) as response:
                    assert response.status == status
                    assert response.header(b"retry-after") == b"7"
                    assert await body_of(response) == b'{"error":{}}'

        assert self.run(handler, act).connections == 1

    def test_stream_split_at_every_byte_is_read(self) -> None:
        """Chunk sizes, extensions, trailers and characters cut in two."""

        async def handler(_: Received, connection: Connection) -> None:
            for index in range(len(STREAM)):
                await connection.send(STREAM[index : index + 1])
                await asyncio.sleep(0)

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(2):
                async with post(client, server) as response:
                    assert await body_of(response) == b"data: 1\n\ndata: \xc3\xa9\n\n"

        assert self.run(handler, act).connections == 1

    def test_frame_of_a_megabyte_is_read(self) -> None:
        """One chunk, larger than every buffer."""
        frame = b"data: " + b"x" * 2**20 + b"\n\n"

        async def handler(_: Received, connection: Connection) -> None:
            await connection.start_stream()
            await connection.chunk(frame)
            await connection.chunk(b"")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server) as response:
                assert await body_of(response) == frame

        self.run(handler, act)

    def test_reset_in_the_middle_of_a_frame_is_closed(self) -> None:
        """A machine that died, not a program that ended."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.send(STREAM[:-40])
            connection.reset()

        assert self.fails(handler).error_type == "closed"

    def test_orderly_end_in_the_middle_of_a_stream_is_closed(self) -> None:
        """Without the last chunk, half an answer is not a whole one, however politely it ends."""
        error = self.fails(saying_then_closing(STREAM[: -len(b"0\r\nx-trailer: 1\r\n\r\n")]))
        assert error.error_type == "closed"

    def test_server_that_only_hangs_up_is_closed(self) -> None:
        """It accepts and closes: an overloaded one, or a port that something else guards."""

        async def main() -> None:
            async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.transport.abort()

            client = self.make(max_connections=1)
            server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
            endpoint = Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            for _ in range(20):
                with pytest.raises(UpstreamError) as caught:
                    async with client.request("POST", endpoint, (), b"{}", PATIENT):
                        pass
                assert caught.value.error_type == "closed"
            await client.close()
            server.close()

        with asyncio.Runner(loop_factory=self.loop_factory) as loop:
            loop.run(main())

    def test_slow_drip_before_the_headers_ends_in_time(self) -> None:
        """A byte now and then is not an answer."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.send(b"HTTP/1.1 200 OK\r\nx: ")
            while True:
                await connection.send(b"x")
                await asyncio.sleep(0.01)

        assert self.fails(handler, IMPATIENT).error_type == "timeout"

    def test_total_time_bounds_the_wait_for_headers(self) -> None:
        """Whichever limit comes first."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.until_gone()

        assert self.fails(handler, Timeouts(total_s=0.05)).error_type == "timeout"

    @pytest.mark.parametrize(
        "sent",
        [
            b"\x16\x03\x01\x00\xa5\x01\x00",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/9.9 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ],
    )
    def test_garbage_is_a_protocol_error(self, sent: bytes) -> None:
        """Whatever listens there, it is no server of ours."""
        assert self.fails(saying_then_closing(sent)).error_type == "protocol"

    @pytest.mark.parametrize(
        "fields",
        [
            b"content-length: 2\r\ntransfer-encoding: chunked",
            b"transfer-encoding: chunked\r\ncontent-length: 2",
            b"content-length: 2\r\ncontent-length: 3",
        ],
    )
    def test_two_opinions_on_the_length_are_a_protocol_error(self, fields: bytes) -> None:
        """Two readers would see two different answers: response smuggling."""
        head = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n"
        error = self.fails(saying_then_closing(head + b"2\r\nok\r\n0\r\n\r\n"))
        assert error.error_type == "protocol"

    def test_oversized_header_is_a_protocol_error(self) -> None:
        """A server cannot fill our memory with its headers."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.send(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 2**20 + b"\r\n\r\n")

        assert self.fails(handler).error_type == "protocol"

    def test_connection_with_a_surplus_answer_is_not_used_again(self) -> None:
        """It would be read as the answer to somebody else's question."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(3):
                async with post(client, server) as response:
                    assert await body_of(response) == b"ok"

        assert self.run(saying(OK + OK), act).connections == 3

    def test_surplus_answer_on_an_idle_connection_ends_it(self) -> None:
        """The same, later."""
        speak, spoken = asyncio.Event(), asyncio.Event()

        async def handler(request: Received, connection: Connection) -> None:
            await connection.send(OK)
            if request.body == b"first":
                await speak.wait()
                await connection.send(SURPLUS)
                spoken.set()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server, b"first") as response:
                assert await body_of(response) == b"ok"
            speak.set()
            await spoken.wait()
            await asyncio.sleep(0.01)
            async with post(client, server, b"second") as response:
                assert await body_of(response) == b"ok"

        assert self.run(handler, act).connections == 2

    @pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
    def test_interim_response_is_skipped(self, status: bytes) -> None:
        """The answer is the one after it."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(2):
                async with post(client, server) as response:
                    assert (response.status, await body_of(response)) == (200, b"ok")
                    assert response.header(b"link") is None

        handler = saying(b"HTTP/1.1 " + status + b"\r\nlink: </x>\r\n\r\n" + OK)
        assert self.run(handler, act).connections == 1

    @pytest.mark.parametrize("status", [204, 304])
    def test_response_without_a_body_leaves_the_connection(self, status: int) -> None:
        """Whatever its content length says."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(2):
                async with post(client, server) as response:
                    assert (response.status, await body_of(response)) == (status, b"")

        handler = saying(b"HTTP/1.1 %d None\r\ncontent-length: 9\r\n\r\n" % status)
        assert self.run(handler, act).connections == 1

    def test_head_has_headers_and_no_body(self) -> None:
        """Its content length is that of a body which does not come."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(2):
                endpoint = at(server, "/x")
                async with client.request("HEAD", endpoint, (), b"", PATIENT) as response:
                    assert response.header(b"content-length") == b"9"
                    assert await body_of(response) == b""

        self.run(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), act)

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        ],
    )
    def test_connection_that_shall_close_is_not_used_again(self, answer: bytes) -> None:
        """The server said so, or does not know keep-alive."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(2):
                async with post(client, server) as response:
                    assert await body_of(response) == b"ok"

        assert self.run(saying(answer), act).connections == 2

    @pytest.mark.parametrize("version", [b"1.0", b"1.1"])
    def test_body_without_a_length_ends_with_the_connection(self, version: bytes) -> None:
        """As old servers do."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server) as response:
                assert await body_of(response) == b"all of it"

        self.run(saying_then_closing(b"HTTP/%b 200 OK\r\n\r\nall of it" % version), act)

    def test_server_that_closes_idle_connections_costs_nothing(self) -> None:
        """The next request goes over a new one, without an error."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(3):
                async with post(client, server) as response:
                    assert await body_of(response) == b"ok"
                await asyncio.sleep(0.01)

        assert self.run(saying_then_closing(OK), act).connections == 3

    def test_answer_before_the_request_was_read_is_taken(self) -> None:
        """A refusal of a large body; the rest of it must not become the next request."""
        is_left = asyncio.Event()

        async def handler(request: Received, connection: Connection) -> None:
            if request.method == "GET":
                await connection.send(OK)
                return
            await connection.send(b"HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n")
            await is_left.wait()
            await connection.until_gone()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server, b"x" * 2**25) as response:
                assert response.status == 413
                assert await body_of(response) == b""
            is_left.set()
            async with get(client, server) as response:
                assert await body_of(response) == b"ok"

        server = self.run(handler, act, reads_bodies=False)
        assert [request.method for request in server.requests] == ["POST", "GET"]
        assert server.connections == 2

    @pytest.mark.parametrize(
        "field",
        [
            (b"x-a", b"1\r\nx-b: 2"),
            (b"x-a", b"1\nx-b: 2"),
            (b"x-a\r\nx-b", b"1"),
            (b"x-a", b"1\x00"),
            (b"", b"1"),
            (b"x a", b"1"),
            (b"transfer-encoding", b"chunked"),
            (b"Content-Length", b"0"),
        ],
    )
    def test_malformed_header_is_refused_before_anything_is_sent(
        self, field: tuple[bytes, bytes]
    ) -> None:
        """Nor may a header decide where the request ends."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            headers = ((b"x-good", b"1"), field)
            with pytest.raises(UpstreamError) as caught:
                async with client.request("POST", at(server, "/x"), headers, b"{}", PATIENT):
                    pass
            assert not caught.value.is_sent

        assert not self.run(never, act).requests
