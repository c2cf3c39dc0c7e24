"""The seam between backends and whatever speaks HTTP for them: :class:`UpstreamClient`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import msgspec

from proxy.upstream.endpoint import Endpoint

Headers = tuple[tuple[bytes, bytes], ...]
"""Header fields in wire order; names in lower case."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds; None waits for ever.

    Args:
        connect_s: until the connection stands, TLS included.
        first_byte_s: from there until the response's headers.
        idle_s: between two pieces of the body.
        total_s: for all of it.
    """

    connect_s: float = 5.0
    first_byte_s: float = 120.0
    idle_s: float = 120.0
    total_s: float | None = None


class Response(msgspec.Struct, frozen=True):
    """A response whose body is still arriving.

    Args:
        status: HTTP status.
        headers: as received, names in lower case.
        chunks: the body as the network delivers it, still encoded as ``content-encoding`` says.
            Raises UpstreamError when it breaks off or stalls.
        body: all of it, where it came together with the headers: to be had without waiting.
    """

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]
    body: bytes | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header field, by its lower-case name."""
        for field, value in self.headers:
            if field == name:
                return value
        return None


class Whole:
    """A body that is there already, as its only chunk; an empty one has none."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        body, self._body = self._body, b""
        if not body:
            raise StopAsyncIteration
        return body

    def end(self) -> None:
        """No more: whoever has not read it by now comes too late."""
        self._body = b""


Take = Callable[[bytes], bool]
"""Takes a piece, or says that it does not and leaves it to whoever waits for it. Never raises."""


@runtime_checkable
class Pushes(Protocol):
    """Chunks that can also go on in the moment in which they arrive.

    Waking whoever waits for a piece costs more than handing it on.
    """

    def push_to(self, take: Take) -> None:
        """From now on, while somebody waits for the next piece, offer each that comes to `take`.

        What it has taken is not waited for any more; the end and every failure still are.
        """


class UpstreamClient(Protocol):
    """A pool of connections; one serves the whole process."""

    def request(
        self, method: str, endpoint: Endpoint, headers: Headers, body: bytes, timeouts: Timeouts
    ) -> AbstractAsyncContextManager[Response]:
        """Send one request; entering waits for the response's headers.

        Redirects are not followed: a redirect would carry the upstream's key elsewhere. Leaving
        before the body's end closes the connection, so that the upstream stops generating.

        Raises:
            UpstreamError: on entering, when no response came.
        """

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
