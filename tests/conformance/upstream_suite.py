"""What every upstream client must do; each client's test class inherits it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.base import Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint
from tests.conformance.upstream_harness import (
    HEADERS,
    IMPATIENT,
    PATIENT,
    UpstreamHarness,
    at,
    body_of,
    get,
    never,
    socket_towards,
)
from tests.loopback import Connection, Loopback, Received


class UpstreamClientSuite(UpstreamHarness):
    """Inherit, and say how to make the client."""

    def test_request_arrives_as_given(self) -> None:
        """Method, path, headers and body are ours alone: nothing is added but what HTTP needs."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"{}")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            endpoint = at(server, "/chat/completions")
            async with client.request("POST", endpoint, HEADERS, b"body", PATIENT) as response:
                assert response.status == 200
                assert await body_of(response) == b"{}"

        (request,) = self.run(handler, act).requests
        assert (request.method, request.path) == ("POST", "/v1/chat/completions")
        assert request.body == b"body"
        assert set(request.headers) <= {
            "host", "content-type", "content-length", "x-test", "connection"
        }  # fmt: skip

    def test_response_headers_are_lower_case_and_repeated_ones_kept(self) -> None:
        """The wire's spelling is the server's business, not the reader's."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"{}", headers=b"X-One: a\r\nX-ONE: b")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server) as response:
                ones = [value for name, value in response.headers if name == b"x-one"]
                assert ones == [b"a", b"b"]
                assert response.header(b"x-one") == b"a"
                assert response.header(b"absent") is None

        self.run(handler, act)

    def test_chunks_come_as_they_are_sent(self) -> None:
        """A piece is handed over before the next one exists."""
        ask, sent = asyncio.Event(), []

        async def handler(_: Received, connection: Connection) -> None:
            await connection.start_stream()
            for piece in (b"data: 1\n\n", b"data: 2\n\n"):
                await connection.chunk(piece)
                sent.append(piece)
                await ask.wait()
                ask.clear()
            await connection.chunk(b"")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server) as response:
                async for piece in response.chunks:
                    assert piece == sent[-1]
                    ask.set()

        self.run(handler, act)
        assert len(sent) == 2

    def test_connection_is_used_again_after_a_whole_answer(self) -> None:
        """Two requests, one connection."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"{}")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(2):
                async with get(client, server) as response:
                    await body_of(response)

        assert self.run(handler, act).connections == 1

    def test_small_writes_go_out_at_once(self) -> None:
        """Nagle's algorithm would hold a second piece back until the first is confirmed."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"{}")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server):
                with socket_towards(server) as sock:
                    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

        self.run(handler, act)

    def test_unix_socket_is_reached(self, tmp_path: Path) -> None:
        """The engine's child process is behind one."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"{}")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server) as response:
                assert await body_of(response) == b"{}"

        server = self.run(handler, act, socket_path=str(tmp_path / "s.sock"))
        assert server.requests[0].path == "/v1/x"

    def test_compressed_body_is_passed_through(self) -> None:
        """No decompression: the bytes belong to whoever asked."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"\x1f\x8bnot really", headers=b"content-encoding: gzip")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server) as response:
                assert await body_of(response) == b"\x1f\x8bnot really"

        self.run(handler, act)

    def test_redirect_is_not_followed(self) -> None:
        """It would carry the upstream's key to another host."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"", status=307, headers=b"location: http://127.0.0.1:9/")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server) as response:
                assert response.status == 307

        assert len(self.run(handler, act).requests) == 1

    def test_leaving_before_the_end_closes_the_connection(self) -> None:
        """The upstream sees that nobody listens and can stop generating."""
        gone = asyncio.Event()

        async def handler(_: Received, connection: Connection) -> None:
            await connection.start_stream()
            await connection.chunk(b"data: 1\n\n")
            await connection.until_gone()
            gone.set()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server) as response:
                async for _ in response.chunks:
                    break
            await gone.wait()

        self.run(handler, act)

    def test_cancel_before_headers_closes_the_connection(self) -> None:
        """A client that leaves while the model still reads the prompt frees it."""
        asked, gone = asyncio.Event(), asyncio.Event()

        async def handler(_: Received, connection: Connection) -> None:
            asked.set()
            await connection.until_gone()
            gone.set()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async def ask() -> None:
                async with get(client, server):
                    raise AssertionError

            task = asyncio.get_running_loop().create_task(ask())
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()

        self.run(handler, act)

    def test_refused_connection_is_a_connect_error(self) -> None:
        """Nothing was sent, so a retry is safe."""

        async def act(client: UpstreamClient, _: Loopback) -> None:
            endpoint = Endpoint("http://127.0.0.1:1/v1/x")
            with pytest.raises(UpstreamError) as caught:
                async with client.request("GET", endpoint, (), b"", PATIENT):
                    pass
            assert caught.value.error_type == "connect"
            assert not caught.value.is_sent

        self.run(never, act)

    def test_missing_unix_socket_is_a_connect_error(self, tmp_path: Path) -> None:
        """The child process is restarting."""

        async def act(client: UpstreamClient, _: Loopback) -> None:
            endpoint = Endpoint.parse(f"unix:{tmp_path}/absent.sock").at("/x")
            with pytest.raises(UpstreamError) as caught:
                async with client.request("GET", endpoint, (), b"", PATIENT):
                    pass
            assert caught.value.error_type == "connect"

        self.run(never, act)

    def test_no_headers_in_time_is_a_timeout(self) -> None:
        """It was sent, so it is not ours to send again."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.until_gone()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            with pytest.raises(UpstreamError) as caught:
                async with get(client, server, IMPATIENT):
                    pass
            assert caught.value.error_type == "timeout"
            assert caught.value.is_sent

        self.run(handler, act)

    def test_stall_midway_is_a_timeout(self) -> None:
        """Half an answer and then silence ends, too."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.start_stream()
            await connection.chunk(b"data: 1\n\n")
            await connection.until_gone()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server, Timeouts(idle_s=0.05)) as response:
                with pytest.raises(UpstreamError) as caught:
                    await body_of(response)
            assert caught.value.error_type == "timeout"

        self.run(handler, act)

    def test_total_time_bounds_an_endless_stream(self) -> None:
        """Pieces keep coming, and still it ends."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.start_stream()
            while True:
                await connection.chunk(b": ping\n\n")
                await asyncio.sleep(0)

        async def act(client: UpstreamClient, server: Loopback) -> None:
            with pytest.raises(UpstreamError) as caught:
                async with get(client, server, Timeouts(total_s=0.1)) as response:
                    await body_of(response)
            assert caught.value.error_type == "timeout"

        self.run(handler, act)

    @pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-le"])
    def test_close_before_headers_is_closed(self, sent: bytes) -> None:
        """A server that dies on the request."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.send(sent)
            connection.abort()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            with pytest.raises(UpstreamError) as caught:
                async with get(client, server):
                    pass
            assert caught.value.error_type == "closed"

        self.run(handler, act)

    @pytest.mark.parametrize(
        "sent",
        [
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n50\r\nshort",
        ],
    )
    def test_close_midway_is_closed(self, sent: bytes) -> None:
        """A truncated answer is never taken for a whole one."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.send(sent)
            connection.abort()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            with pytest.raises(UpstreamError) as caught:
                async with get(client, server) as response:
                    await body_of(response)
            assert caught.value.error_type == "closed"

        self.run(handler, act)

    def test_other_protocol_is_a_protocol_error(self) -> None:
        """Something else listens on that port."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
            await connection.until_gone()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            with pytest.raises(UpstreamError) as caught:
                async with get(client, server):
                    pass
            assert caught.value.error_type == "protocol"

        self.run(handler, act)

    def test_header_injection_is_refused(self) -> None:
        """A value with a line break never reaches the wire."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            endpoint = at(server, "")
            with pytest.raises(UpstreamError):
                async with client.request(
                    "GET", endpoint, ((b"x-a", b"1\r\nx-b: 2"),), b"", PATIENT
                ):
                    pass

        assert not self.run(never, act).requests

    def test_close_twice_is_harmless(self) -> None:
        """Shutdown paths meet."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with get(client, server) as response:
                await body_of(response)
            await client.close()
            await client.close()

        async def handler(_: Received, connection: Connection) -> None:
            await connection.respond(b"{}")

        self.run(handler, act)

    def test_large_body_both_ways(self) -> None:
        """A megabyte each way, more than any buffer."""
        big = b"x" * 2**20

        async def handler(request: Received, connection: Connection) -> None:
            assert request.body == big
            await connection.respond(big)

        async def act(client: UpstreamClient, server: Loopback) -> None:
            endpoint = at(server, "")
            async with client.request("POST", endpoint, HEADERS, big, PATIENT) as response:
                assert await body_of(response) == big

        self.run(handler, act)
