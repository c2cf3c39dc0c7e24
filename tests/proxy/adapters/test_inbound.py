"""Bodies that have been read, and what is said of them."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from proxy.adapters.inbound import Replay, headers_of, refuse_encoded
from proxy.errors import RequestError
from tests.asgi import scope_of


def test_body_comes_once_and_then_what_follows() -> None:
    """An application that waits for its client's leaving hears of it."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def main() -> list[Message]:
        replay = Replay(b"body", receive)
        return [await replay() for _ in range(3)]

    first, *rest = asyncio.run(main())
    assert first == {"type": "http.request", "body": b"body", "more_body": False}
    assert rest == [{"type": "http.disconnect"}] * 2


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"])
def test_encoded_body_is_refused(encoding: str) -> None:
    """Whatever the encoding is called, and in whichever of several headers."""
    scope = scope_of(
        "POST", headers=[("content-encoding", "identity"), ("Content-Encoding", encoding)]
    )
    with pytest.raises(RequestError) as caught:
        refuse_encoded(scope)
    assert caught.value.status == 415


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_body_as_it_is_passes(encoding: str) -> None:
    """Saying so is allowed."""
    refuse_encoded(scope_of("POST", headers=[("content-encoding", encoding)]))


def test_headers_tell_of_the_body_as_it_is() -> None:
    """One type, one length, no framing of the old body, and nothing that only we may say."""
    scope = scope_of(
        "POST",
        headers=[
            ("content-type", "application/json; charset=utf-7"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-length", "999"),
            ("transfer-encoding", "chunked"),
            ("content-encoding", "identity"),
            ("x-guardtune-policy", "forged@0"),
            ("x-guardtune-conversation", "c"),
            ("authorization", "Bearer k"),
        ],
    )
    assert headers_of(scope, b"{}") == [
        (b"x-guardtune-conversation", b"c"),
        (b"authorization", b"Bearer k"),
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
    ]
