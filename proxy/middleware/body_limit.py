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
        announced = header(scope, b"content-length") or ""
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise self._too_large()
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._too_large()
            return message

        return self.app(scope, counted_receive, send)

    def _too_large(self) -> RequestError:
        return RequestError(
            f"The request body is larger than {self._max_bytes} bytes.",
            status=413,
            code="request_too_large",
        )
