"""Request bodies have a largest size, whether announced or streamed."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.errors import RequestError
from proxy.wire.facts import header


class BodyLimitMiddleware:
    """Answer 413 to a body over the limit, before it is held in memory.

    An announced length is checked before anything is read; a chunked body as it arrives.
    Starlette's own middleware answers in plain text; our clients expect an OpenAI error.

    Args:
        app: what is inside.
        max_bytes: the largest body.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self.app = app
        self._max_bytes = max_bytes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        return self.app(scope, limited(receive, scope, max_bytes=self._max_bytes), send)


def limited(receive: Receive, scope: Scope, *, max_bytes: int) -> Receive:
    """Return a ``receive`` that raises once more has arrived than is allowed.

    Raises:
        RequestError: 413; more than that is announced.
    """
    announced = header(scope, b"content-length") or ""
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    received = 0

    async def counted_receive() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise _too_large(max_bytes)
        return message

    return counted_receive


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(
        f"The request body is larger than {max_bytes} bytes.",
        status=413,
        code="request_too_large",
    )
