"""The lean client does what every upstream client must, on both loops and over TLS."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.base import UpstreamClient
from proxy.upstream.lean_client import LeanClient
from tests.conformance.upstream_faults import OK, UpstreamFaultSuite, saying
from tests.conformance.upstream_harness import PATIENT, at, body_of, post
from tests.conformance.upstream_load import UpstreamLoadSuite
from tests.conformance.upstream_suite import UpstreamClientSuite
from tests.loopback import Connection, Loopback, Received


class TestLeanClient(UpstreamClientSuite, UpstreamFaultSuite, UpstreamLoadSuite):
    """Inherits the suites."""

    def make(self, *, max_connections: int = 1024) -> UpstreamClient:
        """A fresh client."""
        return LeanClient(max_connections=max_connections)

    @pytest.mark.parametrize("surplus", [b"\x00", b"HTTP/1.1 2", b"{}"])
    def test_connection_with_surplus_bytes_is_not_used_again(self, surplus: bytes) -> None:
        """Garbage behind a whole answer spoils the connection, not the answer."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(3):
                async with post(client, server) as response:
                    assert await body_of(response) == b"ok"

        assert self.run(saying(OK + surplus), act).connections == 3

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_request_on_a_connection_closed_meanwhile_is_sent_again(self, method: str) -> None:
        """The server read nothing of it, so that it is no second request."""

        async def handler(request: Received, connection: Connection) -> None:
            # Dies on the second request before it has looked at it.
            if len(seen) == 1:
                connection.abort()
            else:
                await connection.respond(b"ok")
            seen.append(request)

        seen: list[Received] = []

        async def act(client: UpstreamClient, server: Loopback) -> None:
            for _ in range(2):
                endpoint = at(server, "/x")
                async with client.request(method, endpoint, (), b"", PATIENT) as response:
                    assert await body_of(response) == b"ok"

        assert self.run(handler, act).connections == 2

    def test_request_is_sent_again_only_once(self) -> None:
        """A server that dies of it must not die for ever."""

        async def handler(request: Received, connection: Connection) -> None:
            if request.body == b"poison":
                connection.abort()
            else:
                await connection.respond(b"ok")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server) as response:
                assert await body_of(response) == b"ok"
            with pytest.raises(UpstreamError) as caught:
                async with post(client, server, b"poison"):
                    pass
            assert caught.value.error_type == "closed"
            assert caught.value.is_sent

        assert len(self.run(handler, act).requests) == 3

    def test_request_is_not_sent_again_once_the_answer_has_begun(self) -> None:
        """One byte is enough: the server was working on it."""

        async def handler(request: Received, connection: Connection) -> None:
            if request.body == b"half":
                await connection.send(b"H")
                connection.abort()
            else:
                await connection.respond(b"ok")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server) as response:
                assert await body_of(response) == b"ok"
            with pytest.raises(UpstreamError) as caught:
                async with post(client, server, b"half"):
                    pass
            assert caught.value.error_type == "closed"

        assert len(self.run(handler, act).requests) == 2

    def test_endless_interim_responses_are_a_protocol_error(self) -> None:
        """They bring nothing, and still they would keep us busy."""

        async def handler(_: Received, connection: Connection) -> None:
            while True:
                await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

        async def act(client: UpstreamClient, server: Loopback) -> None:
            with pytest.raises(UpstreamError) as caught:
                async with post(client, server):
                    pass
            assert caught.value.error_type == "protocol"

        self.run(handler, act)

    def test_body_cannot_be_read_after_its_exchange(self) -> None:
        """The connection may be another request's by then."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server) as first:
                pass
            async with post(client, server) as second:
                assert await body_of(first) == b""
                assert await body_of(second) == b"ok"

        assert self.run(saying(OK), act).connections == 1

    def test_closing_the_client_ends_running_requests(self) -> None:
        """Those who wait for an answer hear of it at once."""
        is_asked = asyncio.Event()

        async def handler(_: Received, connection: Connection) -> None:
            await connection.start_stream()
            is_asked.set()
            await connection.until_gone()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            task = asyncio.get_running_loop().create_task(self.ask(client, server, b""))
            await is_asked.wait()
            await asyncio.sleep(0.01)
            await client.close()
            with pytest.raises(UpstreamError) as caught:
                await task
            assert caught.value.error_type == "closed"

        self.run(handler, act)


class TestLeanClientOnUvloop(TestLeanClient):
    """The loop that serves."""

    is_uvloop = True


class TestLeanClientOverTls(TestLeanClient):
    """What makes it the default for ``https://`` as well."""

    is_tls = True
    n_sequential = 1_000


class TestLeanClientOverTlsOnUvloop(TestLeanClient):
    """Uvloop has a TLS of its own."""

    is_tls = True
    n_sequential = 1_000
    is_uvloop = True
