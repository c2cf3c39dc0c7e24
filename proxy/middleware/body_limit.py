"""Request bodies have a largest size, whether announced or streamed, and a time to come in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.errors import RequestError
from proxy.wire.client import leaving_of
from proxy.wire.facts import header


class BodyLimitMiddleware:
    """Answer 413 to a body over the limit, before it is held in memory, and 408 to a slow one.

    An announced length is checked before anything is read; a chunked body as it arrives.
    Starlette's own middleware answers in plain text; our clients expect an OpenAI error.

    Args:
        app: what is inside.
        max_bytes: the largest body.
        timeout_s: for the whole of it, in seconds.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        receive = in_time(receive, scope, timeout_s=self._timeout_s)
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


def in_time(receive: Receive, scope: Scope, *, timeout_s: float) -> Receive:
    """Return a ``receive`` that raises RequestError (408) where the body is not whole in time.

    The time is that of the whole body: a limit on the pause between two pieces, as nginx has it,
    lets a client that sends a byte now and then stay for years.
    """
    leaving = leaving_of(scope)
    if leaving is not None and leaving.is_whole:
        # Most bodies come with the head, and a server that says so spares them the timer.
        return receive
    until = asyncio.get_running_loop().time() + timeout_s
    is_whole = False

    async def timed_receive() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError as error:
            raise _too_slow(timeout_s) from error
        is_whole = not message.get("more_body", False)
        return message

    return timed_receive


def _too_slow(timeout_s: float) -> RequestError:
    return RequestError(
        f"The request body was not here within {timeout_s:g} s.",
        status=408,
        code="request_timeout",
    )


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(
        f"The request body is larger than {max_bytes} bytes.",
        status=413,
        code="request_too_large",
    )
