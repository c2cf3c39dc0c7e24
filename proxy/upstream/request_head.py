"""The head of a request, as bytes that cannot say more than was meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from proxy.errors import UpstreamError
from proxy.upstream.base import Headers

# Whole fields only. A value that smuggles a line break in makes a block of more lines than fields.
_BLOCK = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\x00\r\n]*\r\n)*")
_OURS = re.compile(rb"(?:^|\n)(?:host|content-length|transfer-encoding|connection):", re.IGNORECASE)
_METHOD = re.compile(r"[A-Z]+")


def field_lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """Header fields in wire form, a line each; None where one is malformed or breaks a line."""
    block = b"".join([b"%b: %b\r\n" % field for field in headers])
    is_sound = _BLOCK.fullmatch(block) is not None and block.count(b"\n") == len(headers)
    return block if is_sound else None


@lru_cache(maxsize=256)
def header_block(headers: Headers) -> bytes:
    """Header fields in wire form, a line each.

    Raises:
        UpstreamError: one is malformed, has a line break in it, or would decide where the request
            ends, which is the client's to say. Nothing was sent.
    """
    block = field_lines(headers)
    if block is None or _OURS.search(block) is not None:
        raise UpstreamError(
            "A request header is malformed; nothing was sent.", error_type="protocol", is_sent=False
        )
    return block


def request_head(method: str, target: bytes, host: bytes, headers: Headers, n_body: int) -> bytes:
    """Everything before the body.

    Args:
        method: in upper case.
        target: path and query, starting with a slash.
        host: the ``host`` field's value.
        headers: all other fields.
        n_body: bytes of the body that follows.

    Raises:
        UpstreamError: see `header_block`.
    """
    known = _known(method, target, host, headers)
    if n_body or method != "GET":
        return b"%bcontent-length: %d\r\n\r\n" % (known, n_body)
    return known + b"\r\n"


# A backend sends the same fields with nearly every request, and checking them costs 8 µs.
@lru_cache(maxsize=256)
def _known(method: str, target: bytes, host: bytes, headers: Headers) -> bytes:
    if _METHOD.fullmatch(method) is None:
        raise UpstreamError("No such method.", error_type="protocol", is_sent=False)
    line = b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (method.encode(), target, host)
    return line + header_block(headers)
