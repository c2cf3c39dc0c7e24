"""Server-sent events: how a stream that has begun tells its client that it failed."""

from __future__ import annotations

from collections.abc import Sequence

STREAM_TYPE = b"text/event-stream"

STREAM_HEADERS = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
"""Keep caches and nginx from holding a stream back."""

_END_OF_FRAME = b"\n\n"


def is_stream(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether these response headers announce an event stream."""
    for name, value in headers:
        if name == b"content-type":
            return value.startswith(STREAM_TYPE)
    return False


def error_frame(body: bytes, *, after: bytes) -> bytes:
    """Return the frame that ends a broken stream; no ``[DONE]`` may follow it.

    OpenAI's own client raises APIError on a frame whose JSON has a top-level ``error``.

    Args:
        body: the JSON error body, without newlines.
        after: the last bytes sent; where they stop inside a frame, that frame is closed first.
    """
    closing = b"" if not after or after.endswith(_END_OF_FRAME) else _END_OF_FRAME
    return closing + b"data: " + body + _END_OF_FRAME
