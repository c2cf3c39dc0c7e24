"""The seam between backends and whatever speaks HTTP for them: :class:`UpstreamClient`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

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
    """

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header field, by its lower-case name."""
        return next((value for field, value in self.headers if field == name), None)


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
