"""The upstream client on aiohttp: TLS, unix sockets, pooling, every odd server."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from typing import Any

import aiohttp
from aiohttp.connector import BaseConnector
from yarl import URL

from proxy.errors import UpstreamError
from proxy.upstream.base import Headers, Response, Timeouts
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.environment import proxy_for
from proxy.upstream.request_head import header_block
from proxy.upstream.tls import tls_context

# Uvicorn and Node close idle connections after 5 s. Letting go first avoids the race in which a
# request is written to a connection that the server is just closing, which no POST can retry.
KEEPALIVE_S = 4.0
MAX_CONNECTIONS = 1024
DNS_CACHE_S = 300
_MAX_KNOWN_ENDPOINTS = 512
_WRITTEN_AT_ONCE_BYTES = 2**18

# We say what we send, no more: what a client did not ask for, aiohttp must not add.
_NOT_AUTOMATIC = ("accept", "accept-encoding", "user-agent", "content-type")


class AiohttpClient:
    """One session for TCP and one for each unix socket, opened on first use.

    HTTP proxies are used as the environment says.
    """

    def __init__(self, *, max_connections: int = MAX_CONNECTIONS) -> None:
        self._max_connections = max_connections
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}
        self._proxy = lru_cache(_MAX_KNOWN_ENDPOINTS)(proxy_for)

    @asynccontextmanager
    async def request(
        self, method: str, endpoint: Endpoint, headers: Headers, body: bytes, timeouts: Timeouts
    ) -> AsyncIterator[Response]:
        """Send one request; see :class:`proxy.upstream.base.UpstreamClient`."""
        deadline = _deadline(timeouts)
        answer = await self._open(
            method, endpoint, headers=headers, body=body, timeouts=timeouts, deadline=deadline
        )
        try:
            async with aclosing(_chunks(answer, timeouts.idle_s, deadline)) as chunks:
                yield Response(
                    answer.status,
                    tuple((name.lower(), value) for name, value in answer.raw_headers),
                    chunks,
                )
        finally:
            # Gives a finished connection back to the pool and closes an unfinished one.
            answer.release()

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _open(
        self,
        method: str,
        endpoint: Endpoint,
        *,
        headers: Headers,
        body: bytes,
        timeouts: Timeouts,
        deadline: float | None,
    ) -> aiohttp.ClientResponse:
        header_block(headers)
        wait_s = timeouts.connect_s + timeouts.first_byte_s
        is_tls = endpoint.url.startswith("https:")
        try:
            async with asyncio.timeout_at(_earlier(_now() + wait_s, deadline)):
                return await self._session(endpoint.socket_path).request(
                    method,
                    URL(endpoint.url, encoded=True),
                    data=io.BytesIO(body) if len(body) > _WRITTEN_AT_ONCE_BYTES else body,
                    headers=[(name.decode(), value.decode("latin-1")) for name, value in headers],
                    allow_redirects=False,
                    proxy=self._proxy(endpoint),
                    ssl=tls_context(endpoint.ca_file) if is_tls else True,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect_s),
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _translated(error) from error

    def _session(self, socket_path: str | None) -> aiohttp.ClientSession:
        session = self._sessions.get(socket_path)
        if session is None:
            session = self._sessions[socket_path] = aiohttp.ClientSession(
                connector=self._connector(socket_path),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_NOT_AUTOMATIC,
            )
        return session

    def _connector(self, socket_path: str | None) -> BaseConnector:
        if socket_path is not None:
            return aiohttp.UnixConnector(
                socket_path, limit=self._max_connections, keepalive_timeout=KEEPALIVE_S
            )
        return aiohttp.TCPConnector(
            limit=self._max_connections,
            keepalive_timeout=KEEPALIVE_S,
            ttl_dns_cache=DNS_CACHE_S,
            socket_factory=_tcp_socket,
        )


def _tcp_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket without Nagle's delay, which notices a peer that vanished without a word."""
    family, kind, protocol, _, _ = address
    tcp = socket.socket(family, kind, protocol)
    tcp.setblocking(False)
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return tcp


async def _chunks(
    answer: aiohttp.ClientResponse, idle_s: float, deadline: float | None
) -> AsyncGenerator[bytes]:
    """The body, a piece per network read: waiting for full blocks or lines would stall streams."""
    content = answer.content
    try:
        while True:
            async with asyncio.timeout_at(_earlier(_now() + idle_s, deadline)):
                chunk = await content.readany()
            if not chunk:
                return
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> UpstreamError:
    """Every failure of aiohttp as one of the four that this project counts."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            message = "The upstream did not accept a connection in time."
            return UpstreamError(message, error_type="timeout", is_sent=False)
        case TimeoutError():
            return UpstreamError("The upstream did not answer in time.", error_type="timeout")
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL():
            message = "The upstream cannot be reached."
            return UpstreamError(message, error_type="connect", is_sent=False)
        case aiohttp.ClientResponseError() | ValueError():
            return UpstreamError("The upstream does not speak HTTP/1.1.", error_type="protocol")
        case _:
            return UpstreamError("The upstream broke off the connection.", error_type="closed")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _deadline(timeouts: Timeouts) -> float | None:
    return None if timeouts.total_s is None else _now() + timeouts.total_s


def _earlier(moment: float, deadline: float | None) -> float:
    return moment if deadline is None else min(moment, deadline)
