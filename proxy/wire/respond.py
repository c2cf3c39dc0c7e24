"""Send a whole response in ASGI's words, without building a Response object."""

from __future__ import annotations

from starlette.types import Send

from proxy.wire.errors import JSON_TYPE, Headers


async def send_body(
    send: Send, status: int, body: bytes, *, headers: Headers = (JSON_TYPE,)
) -> None:
    """Send status, headers and body; the content length is added."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
