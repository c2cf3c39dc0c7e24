"""The upstream client of our own: HTTP/1.1 on httptools, and nothing that a proxy does not need.

A request costs one write, one or two reads and no task. What it leaves out (HTTP proxies,
credentials in URLs, cookies, redirects, decompression) is either aiohttp's or nobody's business.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from proxy.errors import UpstreamError
from proxy.upstream.base import Headers, Response, Take, Timeouts, Whole
from proxy.upstream.connection import Connection
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.origin import Origin, Target, target_of
from proxy.upstream.pool import Pool
from proxy.upstream.request_head import request_head
from proxy.upstream.tls import tls_context

# Uvicorn and Node close idle connections after 5 s. Letting go first avoids the race in which a
# request is written to a connection that the server is just closing.
KEEPALIVE_S = 4.0
MAX_CONNECTIONS = 1024
_MAX_KNOWN_ENDPOINTS = 512


class LeanClient:
    """A pool of connections for each server; see :class:`proxy.upstream.base.UpstreamClient`.

    Args:
        max_connections: to one server at the same time.
    """

    def __init__(self, *, max_connections: int = MAX_CONNECTIONS) -> None:
        self._max_connections = max_connections
        self._pools: dict[Origin, Pool] = {}
        self._target = lru_cache(_MAX_KNOWN_ENDPOINTS)(target_of)

    def request(
        self, method: str, endpoint: Endpoint, headers: Headers, body: bytes, timeouts: Timeouts
    ) -> _Exchange:
        """Send one request; see :class:`proxy.upstream.base.UpstreamClient`."""
        target = self._target(endpoint)
        head = request_head(method, target.path, target.host, headers, len(body))
        pool = self._pool(target)
        return _Exchange(pool, head, body, timeouts, expects_body=method != "HEAD")

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()
        # The sockets close in the next turn of the event loop.
        await asyncio.sleep(0)

    def _pool(self, target: Target) -> Pool:
        origin = target.origin
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(
                lambda on_lost: _connect(origin, lambda: Connection(on_lost)),
                max_connections=self._max_connections,
                keepalive_s=KEEPALIVE_S,
            )
        return pool


class _Exchange:
    """One request and its response, as an ``async with``."""

    _chunks: _Chunks | Whole

    __slots__ = (
        "_body", "_chunks", "_connection", "_deadline", "_expects_body", "_head", "_pool",
        "_timeouts",
    )  # fmt: skip

    def __init__(
        self, pool: Pool, head: bytes, body: bytes, timeouts: Timeouts, *, expects_body: bool
    ) -> None:
        self._pool = pool
        self._expects_body = expects_body
        self._head = head
        self._body = body
        self._timeouts = timeouts

    async def __aenter__(self) -> Response:
        timeouts = self._timeouts
        self._deadline = math.inf
        if timeouts.total_s is not None:
            self._deadline = self._until(timeouts.total_s)
        self._connection = connection = self._pool.borrow_warm() or await self._connected()
        try:
            connection.send(self._head, self._body, expects_body=self._expects_body)
            await connection.head(self._until(timeouts.first_byte_s))
        except UpstreamError as error:
            connection = await self._again(error)
        except BaseException:
            self._pool.release(connection)
            raise
        parser = connection.parser
        body = connection.whole()
        if body is not None:
            self._chunks = Whole(body)
        else:
            self._chunks = _Chunks(connection, timeouts.idle_s, self._deadline)
        return Response(parser.status, tuple(parser.headers), self._chunks, body)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._chunks.end()
        self._pool.release(self._connection)

    async def _connected(self) -> Connection:
        try:
            return await self._pool.acquire(self._until(self._timeouts.connect_s))
        except TimeoutError as error:
            message = "The upstream did not accept a connection in time."
            raise UpstreamError(message, error_type="timeout", is_sent=False) from error

    async def _again(self, first: UpstreamError) -> Connection:
        """Ask once more, if the connection had been closed meanwhile; release it if that fails."""
        try:
            if not self._connection.was_stale:
                raise first
            connection = await self._replaced(first)
            connection.send(self._head, self._body, expects_body=self._expects_body)
            await connection.head(self._until(self._timeouts.first_byte_s))
        except BaseException:
            self._pool.release(self._connection)
            raise
        return connection

    async def _replaced(self, first: UpstreamError) -> Connection:
        """Connect anew; where that fails, `first` says more: the request may have been seen."""
        until = self._until(self._timeouts.connect_s)
        try:
            self._connection = await self._pool.replace(self._connection, until)
        except (UpstreamError, TimeoutError):
            raise first from None
        return self._connection

    def _until(self, wait_s: float) -> float:
        return min(asyncio.get_running_loop().time() + wait_s, self._deadline)


class _Chunks:
    """The body of one response; cut off from the connection when the exchange is left."""

    __slots__ = ("_connection", "_deadline", "_idle_s")

    def __init__(self, connection: Connection, idle_s: float, deadline: float) -> None:
        self._connection: Connection | None = connection
        self._idle_s = idle_s
        self._deadline = deadline

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[Any, Any, bytes]:
        if self._connection is None:
            return _nothing()
        return self._connection.piece(self._idle_s, self._deadline)

    def push_to(self, take: Take) -> None:
        """See :class:`proxy.upstream.base.Pushes`."""
        if self._connection is not None:
            self._connection.push_to(take)

    def end(self) -> None:
        """No more: the connection may be another request's by now."""
        if self._connection is not None:
            self._connection.push_to(None)
            self._connection = None


async def _nothing() -> bytes:
    raise StopAsyncIteration


async def _connect(origin: Origin, protocol: Callable[[], Connection]) -> Connection:
    """Open a connection, TLS included. Raises UpstreamError when the server cannot be reached."""
    loop = asyncio.get_running_loop()
    try:
        if origin.socket_path is not None:
            return (await loop.create_unix_connection(protocol, origin.socket_path))[1]
        if origin.is_tls:
            context = tls_context(origin.ca_file)
            return (await loop.create_connection(protocol, origin.host, origin.port, ssl=context))[
                1
            ]
        return (await loop.create_connection(protocol, origin.host, origin.port))[1]
    except (OSError, ValueError) as error:  # ValueError: a host name that no DNS can have
        message = "The upstream cannot be reached."
        raise UpstreamError(message, error_type="connect", is_sent=False) from error
