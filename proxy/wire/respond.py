"""Send a response in ASGI's words, without building a Response object."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.types import Send

from proxy.wire.errors import JSON_TYPE, Headers


async def send_body(
    send: Send, status: int, body: bytes, *, headers: Headers = (JSON_TYPE,)
) -> None:
    """Send status, headers and body; the content length is added."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_chunks(
    send: Send, status: int, headers: Headers, chunks: AsyncIterator[bytes]
) -> None:
    """Send all but the end of a response. Nothing goes out before the first chunk is there.

    So a backend that fails before its first byte still gets a status of its own.
    """
    start = {"type": "http.response.start", "status": status, "headers": list(headers)}
    is_started = False
    async for chunk in chunks:
        if not is_started:
            await send(start)
            is_started = True
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    if not is_started:
        await send(start)
