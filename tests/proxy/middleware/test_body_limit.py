"""The largest body."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from proxy.errors import RequestError
from proxy.middleware.body_limit import BodyLimitMiddleware
from tests.asgi import Echo, Headers, call


def _post(body: bytes | Sequence[bytes], headers: Headers = ()) -> bytes:
    app = BodyLimitMiddleware(Echo(), max_bytes=4)
    return asyncio.run(call(app, "POST", body=body, headers=headers)).body


def test_body_at_the_limit_passes() -> None:
    """The limit itself is allowed."""
    assert _post(b"1234", [("content-length", "4")]) == b"1234"


def test_announced_length_is_refused_before_reading() -> None:
    """Nothing is held in memory for it."""
    with pytest.raises(RequestError) as caught:
        _post([], [("content-length", "5")])
    assert caught.value.status == 413


def test_chunked_body_is_refused_as_soon_as_it_is_too_long() -> None:
    """Without a length, what has arrived counts."""
    with pytest.raises(RequestError) as caught:
        _post([b"123", b"45", b"never read"])
    assert caught.value.status == 413


def test_lying_length_does_not_help() -> None:
    """A short length before a long body."""
    with pytest.raises(RequestError):
        _post([b"123", b"45"], [("content-length", "1")])
