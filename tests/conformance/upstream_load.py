"""What every upstream client must keep up with: many requests, slow readers, clients that leave."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.base import Timeouts, UpstreamClient
from tests.conformance.upstream_harness import HEADERS, PATIENT, UpstreamHarness, at, body_of, post
from tests.loopback import Connection, Loopback, Received

N_CONCURRENT = 200
BLOCK = b"x" * 65_536
N_BLOCKS = 1024
STALLED_AFTER_S = 0.3
MAX_UNDER_WAY_BYTES = 24 * 2**20
"""What the kernel's buffers on both sides and ours may hold together: of 64 MiB, a part."""


async def echo(request: Received, connection: Connection) -> None:
    """Answer with the request's body, so that swapped answers are seen."""
    await connection.respond(request.body)


class UpstreamLoadSuite(UpstreamHarness):
    """Inherit, and say how to make the client.

    Attributes:
        n_sequential: how many requests must leave nothing behind.
    """

    n_sequential = 10_000

    def test_requests_one_after_another_leave_nothing_behind(self) -> None:
        """One connection serves them all; no task and no file descriptor is left over."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            await self.ask(client, server, b"first")
            n_tasks, n_files = len(asyncio.all_tasks()), _open_files()
            for index in range(self.n_sequential):
                await self.ask(client, server, b"%d" % index)
            server.requests.clear()
            assert len(asyncio.all_tasks()) == n_tasks
            # Not equal: what an earlier test's library closes or opens meanwhile is counted, too.
            assert _open_files() - n_files < self.n_sequential // 100

        assert self.run(echo, act).connections == 1

    def test_answers_are_not_swapped_under_concurrency(self) -> None:
        """Two hundred at once over sixteen connections, each gets its own answer."""

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with asyncio.TaskGroup() as group:
                for index in range(N_CONCURRENT):
                    group.create_task(self.ask_often(client, server, b"%d" % index))

        server = self.run(echo, act, max_connections=16)
        assert server.connections <= 16
        assert len(server.requests) == 5 * N_CONCURRENT

    def test_two_hundred_streams_at_once(self) -> None:
        """All are open at the same time, and each is read to its end."""
        n_open, all_open = 0, asyncio.Event()

        async def handler(request: Received, connection: Connection) -> None:
            nonlocal n_open
            await connection.start_stream()
            await connection.chunk(request.body)
            n_open += 1
            if n_open == N_CONCURRENT:
                all_open.set()
            await all_open.wait()
            await connection.chunk(b"end")
            await connection.chunk(b"")

        async def ask(client: UpstreamClient, server: Loopback, index: int) -> None:
            async with post(client, server, b"%d " % index) as response:
                assert await body_of(response) == b"%d end" % index

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with asyncio.TaskGroup() as group:
                for index in range(N_CONCURRENT):
                    group.create_task(ask(client, server, index))

        assert self.run(handler, act).connections == N_CONCURRENT

    def test_cancelled_requests_give_their_connections_back(self) -> None:
        """Clients that leave, whether they still wait for a connection or are being answered."""

        async def handler(request: Received, connection: Connection) -> None:
            if request.body == b"hang":
                await connection.until_gone()
            else:
                await connection.respond(request.body)

        async def act(client: UpstreamClient, server: Loopback) -> None:
            loop = asyncio.get_running_loop()
            for rounds in range(20):
                tasks = [
                    loop.create_task(self.ask(client, server, b"hang", timeouts=PATIENT))
                    for _ in range(8)
                ]
                for _ in range(rounds):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            async with asyncio.TaskGroup() as group:
                for index in range(16):
                    group.create_task(self.ask(client, server, b"%d" % index))

        self.run(handler, act, max_connections=4)

    def test_waiting_for_a_free_connection_ends_in_time(self) -> None:
        """A pool that is lent out is a queue, and queues are bounded."""

        async def handler(_: Received, connection: Connection) -> None:
            await connection.start_stream()
            await connection.until_gone()

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server):
                timeouts = Timeouts(connect_s=0.02, first_byte_s=0.02)
                with pytest.raises(UpstreamError) as caught:
                    await self.ask(client, server, b"", timeouts=timeouts)
                assert caught.value.error_type == "timeout"

        assert self.run(handler, act, max_connections=1).connections == 1

    def test_slow_reader_stops_the_server(self) -> None:
        """Its writes stop: an answer of any size is held in buffers of a bounded one."""
        n_sent, stalled = 0, asyncio.Event()

        async def handler(_request: Received, connection: Connection) -> None:
            nonlocal n_sent
            await connection.start_stream()
            for _ in range(N_BLOCKS):
                sending = asyncio.get_running_loop().create_task(connection.chunk(BLOCK))
                if not (await asyncio.wait([sending], timeout=STALLED_AFTER_S))[0]:
                    stalled.set()
                await sending
                n_sent += len(BLOCK)
            await connection.chunk(b"")

        async def act(client: UpstreamClient, server: Loopback) -> None:
            async with post(client, server) as response:
                chunks = aiter(response.chunks)
                n_read = len(await anext(chunks))
                await stalled.wait()
                assert n_sent < MAX_UNDER_WAY_BYTES
                async for chunk in chunks:
                    n_read += len(chunk)
                assert n_read == len(BLOCK) * N_BLOCKS

        self.run(handler, act)

    async def ask_often(self, client: UpstreamClient, server: Loopback, body: bytes) -> None:
        """Ask five times."""
        for _ in range(5):
            await self.ask(client, server, body)

    async def ask(
        self,
        client: UpstreamClient,
        server: Loopback,
        body: bytes,
        *,
        timeouts: Timeouts = PATIENT,
    ) -> None:
        """Post a body and expect it back."""
        async with client.request("POST", at(server, "/x"), HEADERS, body, timeouts) as response:
            assert await body_of(response) == body


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0
