"""Connections are lent, taken back, and not kept for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.connection import Connection
from proxy.upstream.pool import Pool
from tests.proxy.upstream.wire import Wire, connected, finish

SOON_S = 0.01


class Server:
    """Where connections come from.

    Attributes:
        wires: of each connection that was opened.
        is_down: whether it refuses.
    """

    def __init__(self) -> None:
        self.wires: dict[Connection, Wire] = {}
        self.is_down = False

    async def connect(self, on_lost: Callable[[Connection], None]) -> Connection:
        """Open one."""
        await asyncio.sleep(0)
        if self.is_down:
            raise UpstreamError("down", error_type="connect", is_sent=False)
        connection, wire = connected(on_lost)
        self.wires[connection] = wire
        return connection


def in_a_pool(
    act: Callable[[Pool, Server], Awaitable[None]],
    *,
    max_connections: int = 2,
    keepalive_s: float = 60.0,
) -> None:
    """Run ``act`` on a fresh pool; in the end all its connections must be closed."""

    async def main() -> None:
        server = Server()
        pool = Pool(server.connect, max_connections=max_connections, keepalive_s=keepalive_s)
        await act(pool, server)
        pool.close()
        assert all(wire.is_aborted for wire in server.wires.values())

    asyncio.run(main())


def later(wait_s: float = 60.0) -> float:
    """A loop time that is so many seconds away."""
    return asyncio.get_running_loop().time() + wait_s


def test_last_returned_is_lent_first() -> None:
    """The warmest."""

    async def act(pool: Pool, server: Server) -> None:
        first, second = await pool.acquire(later()), await pool.acquire(later())
        for connection in (second, first):
            finish(connection)
            pool.release(connection)
        assert await pool.acquire(later()) is first
        assert await pool.acquire(later()) is second
        assert len(server.wires) == 2

    in_a_pool(act)


def test_unfinished_connection_is_closed_on_return() -> None:
    """Its rest would be the next one's answer."""

    async def act(pool: Pool, server: Server) -> None:
        connection = await pool.acquire(later())
        connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")
        pool.release(connection)
        assert server.wires[connection].is_aborted
        assert await pool.acquire(later()) is not connection

    in_a_pool(act)


def test_connection_that_the_server_closed_is_not_lent_again() -> None:
    """Nor one whose end nobody has read yet."""

    async def act(pool: Pool, server: Server) -> None:
        connection = await pool.acquire(later())
        finish(connection)
        pool.release(connection)
        server.wires[connection].peer.close()
        assert await pool.acquire(later()) is not connection

    in_a_pool(act)


def test_lost_connection_is_forgotten() -> None:
    """Idle or lent."""

    async def act(pool: Pool, server: Server) -> None:
        connection = await pool.acquire(later())
        finish(connection)
        pool.release(connection)
        connection.connection_lost(None)
        assert await pool.acquire(later()) is not connection

    in_a_pool(act)


def test_idle_connections_end_by_age() -> None:
    """Without any further request."""

    async def act(pool: Pool, server: Server) -> None:
        for connection in [await pool.acquire(later()) for _ in range(2)]:
            finish(connection)
            pool.release(connection)
        await asyncio.sleep(4 * SOON_S)
        assert all(wire.is_aborted for wire in server.wires.values())

    in_a_pool(act, keepalive_s=SOON_S)


def test_whoever_waits_gets_the_returned_connection() -> None:
    """And never more than the limit are lent."""

    async def act(pool: Pool, server: Server) -> None:
        held = await pool.acquire(later())
        waiting = asyncio.get_running_loop().create_task(pool.acquire(later()))
        await asyncio.sleep(0)
        assert not waiting.done()
        finish(held)
        pool.release(held)
        assert await waiting is held

    in_a_pool(act, max_connections=1)


def test_waiting_ends_in_time() -> None:
    """With nothing lent."""

    async def act(pool: Pool, server: Server) -> None:
        await pool.acquire(later())
        with pytest.raises(TimeoutError):
            await pool.acquire(later(SOON_S))

    in_a_pool(act, max_connections=1)


def test_failed_connect_gives_its_place_back() -> None:
    """Otherwise a server that was down for a while would stay unreachable."""

    async def act(pool: Pool, server: Server) -> None:
        server.is_down = True
        for _ in range(3):
            with pytest.raises(UpstreamError):
                await pool.acquire(later())
        server.is_down = False
        assert await pool.acquire(later()) in server.wires

    in_a_pool(act, max_connections=1)


def test_cancelled_waiter_gives_its_place_back() -> None:
    """Even one that was about to get it."""

    async def act(pool: Pool, server: Server) -> None:
        held = await pool.acquire(later())
        waiting = asyncio.get_running_loop().create_task(pool.acquire(later()))
        await asyncio.sleep(0)
        finish(held)
        pool.release(held)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await pool.acquire(later()) is held

    in_a_pool(act, max_connections=1)


def test_replaced_connection_keeps_its_place() -> None:
    """The stale one is closed, and one release is enough."""

    async def act(pool: Pool, server: Server) -> None:
        stale = await pool.acquire(later())
        fresh = await pool.replace(stale, later())
        assert server.wires[stale].is_aborted
        finish(fresh)
        pool.release(fresh)
        assert await pool.acquire(later()) is fresh

    in_a_pool(act, max_connections=1)


def test_connection_returned_after_closing_is_closed() -> None:
    """A request that outlived the server's stop."""

    async def act(pool: Pool, server: Server) -> None:
        connection = await pool.acquire(later())
        pool.close()
        pool.release(connection)
        assert server.wires[connection].is_aborted

    in_a_pool(act)


def test_connection_lost_while_it_opened_is_not_kept() -> None:
    """Its end was reported before the pool knew of it."""

    async def connect(on_lost: Callable[[Connection], None]) -> Connection:
        connection, _ = connected(on_lost)
        connection.connection_lost(None)
        return connection

    async def main() -> None:
        pool = Pool(connect, max_connections=1, keepalive_s=60.0)
        for _ in range(2):
            pool.release(await pool.acquire(later()))
        assert not pool._open

    asyncio.run(main())
