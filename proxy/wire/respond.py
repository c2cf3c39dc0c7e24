"""Send a response in ASGI's words, without building a Response object."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.types import Send

from proxy.upstream.base import Pushes
from proxy.wire.errors import JSON_TYPE, Headers
from proxy.wire.outbound import Outbound
from proxy.wire.response_head import BODILESS
from proxy.wire.sse import is_stream


async def send_body(
    send: Send, status: int, body: bytes, *, headers: Headers = (JSON_TYPE,)
) -> None:
    """Send status, headers and body; the content length is added where there can be a body.

    A 204 must not have one, a 304 only that of the body left out (RFC 9110, 8.6).
    """
    fields = [*headers]
    if status not in BODILESS:
        fields.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class ChunkedResponse:
    """A response whose last message is kept back until its caller has cleaned up.

    So the slot is free and the upstream done before the client hears of the end. Nothing goes out
    before the first chunk is there: a backend that fails before it still gets a status of its own.

    Args:
        send: where messages go.
        status: HTTP status.
        headers: without a content length.

    Attributes:
        is_stream: whether it is an event stream.
    """

    __slots__ = ("_headers", "_is_started", "_kept", "_send", "_status", "is_stream")

    def __init__(self, send: Send, status: int, headers: Headers) -> None:
        self._send = send
        self._status = status
        self._headers = headers
        self.is_stream = is_stream(headers)
        self._is_started = False
        self._kept: bytes | None = None

    async def send_chunks(self, chunks: AsyncIterator[bytes]) -> None:
        """Send the chunks of a stream as they come; of any other body all but the last one.

        Nobody can read half a JSON body, and one that came in one piece is sent with its length.
        """
        send = self._send
        if self.is_stream and isinstance(send, Outbound) and isinstance(chunks, Pushes):
            chunks.push_to(send.push)
        async for chunk in chunks:
            ready = chunk
            if not self.is_stream:
                if self._kept is None:
                    self._kept = chunk
                    continue
                ready, self._kept = self._kept, chunk
            if not self._is_started:
                await self._start()
            await send({"type": "http.response.body", "body": ready, "more_body": True})

    def keep(self, body: bytes) -> None:
        """Take a body that is whole already, to be sent at the end."""
        self._kept = body

    async def end(self) -> None:
        """Send the rest."""
        if not (self._is_started or self.is_stream):
            await send_body(self._send, self._status, self._kept or b"", headers=self._headers)
            return
        if not self._is_started:
            await self._start()
        await self._send({"type": "http.response.body", "body": self._kept or b""})

    async def _start(self) -> None:
        self._is_started = True
        headers = list(self._headers)
        await self._send(
            {"type": "http.response.start", "status": self._status, "headers": headers}
        )
