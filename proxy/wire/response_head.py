"""The head of a response, as bytes that cannot say more than was meant."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

import msgspec

from proxy.upstream.request_head import field_lines

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
BODILESS = frozenset({204, 304})
"""Statuses whose responses have no body."""

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode())
                 for status in HTTPStatus}  # fmt: skip


class ResponseHead(msgspec.Struct, frozen=True):
    """A response's first bytes, and what follows from them.

    Args:
        data: status line and header fields, without the empty line behind them.
        n_body: bytes of the body as its length was given; None where none was.
        has_body: whether a response with this status has one.
        closes: whether the application wants the connection to end with it.
    """

    data: bytes
    n_body: int | None
    has_body: bool
    closes: bool


def response_head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> ResponseHead:
    """Encode a response's head.

    Args:
        status: HTTP status.
        headers: all fields; how a body without a length is framed is the server's to say.

    Raises:
        RuntimeError: a field is malformed or has a line break in it.
        ValueError: the length is no number.
    """
    n_body, closes = None, False
    fields = []
    for field in headers:
        name = field[0]
        if name in _FRAMING or not name.islower():
            name, value = name.lower(), field[1]
            if name == b"transfer-encoding":
                continue
            if name == b"content-length":
                n_body = int(value)
            elif name == b"connection":
                closes = b"close" in value.lower()
                continue
        fields.append(field)
    lines = field_lines(fields)
    if lines is None:
        raise RuntimeError("A response header is malformed.")
    line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    return ResponseHead(line + lines, n_body, status not in BODILESS, closes)
