"""Connections to one server: at most so many at once, and the warmest one first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from proxy.upstream.connection import Connection
from proxy.upstream.slots import Slots

Connect = Callable[[Callable[[Connection], None]], Awaitable[Connection]]
"""Opens a connection that reports its end to the given callback. Raises UpstreamError."""


class Pool:
    """Lends connections and takes them back.

    Last in, first out: under light load the same few stay warm, and the rest end by their age.

    Args:
        connect: opens a new connection.
        max_connections: lent at the same time; whoever comes then waits for one. As a new one is
            opened only when none is idle, this also bounds how many are open.
        keepalive_s: how long an idle connection is kept.
    """

    def __init__(self, connect: Connect, *, max_connections: int, keepalive_s: float) -> None:
        self._connect = connect
        self._keepalive_s = keepalive_s
        self._loop = asyncio.get_running_loop()
        self._slots = Slots(max_connections)
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    def borrow_warm(self) -> Connection | None:
        """Borrow an idle connection, if there is one and a slot for it; nothing is waited for."""
        if not self._idle or not self._slots.take():
            return None
        connection = self._warm()
        if connection is None:
            self._slots.free()
        return connection

    async def acquire(self, until: float) -> Connection:
        """Borrow a connection; give it back with `release`.

        Args:
            until: loop time at which to give up.

        Raises:
            UpstreamError: none could be opened.
            TimeoutError: none was free or could be opened in time.
        """
        if (warm := self.borrow_warm()) is not None:
            return warm
        async with asyncio.timeout_at(until):
            await self._slots.wait()
            try:
                return self._warm() or await self._new()
            except BaseException:
                self._slots.free()
                raise

    async def replace(self, connection: Connection, until: float) -> Connection:
        """Exchange a borrowed connection that turned out stale for a new one, which keeps its slot.

        Raises:
            UpstreamError: none could be opened; the old one is still to be released.
            TimeoutError: not in time; likewise.
        """
        connection.abort()
        async with asyncio.timeout_at(until):
            return await self._new()

    def release(self, connection: Connection) -> None:
        """Take a connection back, and close it at once if its exchange is not over."""
        self._slots.free()
        if self._is_closed or not connection.is_reusable:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._keepalive_s, self._sweep)

    def close(self) -> None:
        """Close every connection, those that are lent included."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self._open):
            connection.abort()

    async def _new(self) -> Connection:
        connection = await self._connect(self._forget)
        if not connection.is_closed:
            self._open.add(connection)
        return connection

    def _warm(self) -> Connection | None:
        oldest = self._loop.time() - self._keepalive_s
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since >= oldest and not connection.is_stale:
                return connection
            connection.abort()
        return None

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _sweep(self) -> None:
        """Close what has been idle for too long; the longest idle are at the left."""
        now = self._loop.time()
        while self._idle and self._idle[0].idle_since + self._keepalive_s <= now:
            self._idle.popleft().abort()
        self._sweeper = None
        if self._idle:
            moment = self._idle[0].idle_since + self._keepalive_s
            self._sweeper = self._loop.call_at(moment, self._sweep)
