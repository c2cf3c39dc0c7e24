"""Request bodies have a largest size, whether announced or streamed, and a time to come in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import Message, Receive

from proxy.errors import RequestError
from proxy.wire.client import Leaving


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """What is allowed of a body: 413 over its size, before it is held in memory; 408 over its time.

    Starlette's own middleware answers in plain text; our clients expect an OpenAI error.

    Args:
        max_bytes: the largest body.
        timeout_s: for the whole of it, in seconds.
    """

    max_bytes: int
    timeout_s: float

    def around(self, receive: Receive, announced: bytes | None, leaving: Leaving | None) -> Receive:
        """Return a ``receive`` that keeps to both; what has come whole and small is left alone.

        Args:
            receive: ASGI's.
            announced: the ``content-length``, if it was sent.
            leaving: the server's word on the request, if it gives one.

        Raises:
            RequestError: 413; more is announced than is allowed.
        """
        if leaving is None or not leaving.is_whole:
            receive = in_time(receive, timeout_s=self.timeout_s)
        elif is_announced(announced, max_bytes=self.max_bytes):
            # Most bodies come with the head. A server that says so has counted this one.
            return receive
        return limited(receive, announced, max_bytes=self.max_bytes)


def is_announced(length: bytes | None, *, max_bytes: int) -> bool:
    """Whether a length was sent, in digits.

    Raises:
        RequestError: 413; it is more than is allowed.
    """
    if length is None or not length.isdigit():
        return False
    if int(length) > max_bytes:
        raise _too_large(max_bytes)
    return True


def limited(receive: Receive, announced: bytes | None, *, max_bytes: int) -> Receive:
    """Return a ``receive`` that raises once more has arrived than is allowed.

    An announced length is checked before anything is read; a chunked body as it arrives.

    Raises:
        RequestError: 413; more than that is announced.
    """
    is_announced(announced, max_bytes=max_bytes)
    received = 0

    async def counted_receive() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise _too_large(max_bytes)
        return message

    return counted_receive


def in_time(receive: Receive, *, timeout_s: float) -> Receive:
    """Return a ``receive`` that raises RequestError (408) where the body is not whole in time.

    The time is that of the whole body: a limit on the pause between two pieces, as nginx has it,
    lets a client that sends a byte now and then stay for years.
    """
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
