"""A request whose body has been read, on its way into somebody else's application."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope

from proxy.errors import RequestError
from proxy.middleware.private_headers import may_come_in
from proxy.wire.errors import JSON_TYPE

_PLAIN_ENCODINGS = frozenset({b"", b"identity"})
_OF_A_BODY = frozenset({
    b"content-type", b"content-length", b"content-encoding", b"transfer-encoding",
})  # fmt: skip


class Replay:
    """An ASGI ``receive`` that gives a body which has been read already, and then what follows.

    Args:
        body: all of it.
        receive: where the client's leaving is to be heard of.
    """

    __slots__ = ("_body", "_receive")

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        """Give the body, once."""
        body, self._body = self._body, None
        if body is None:
            return await self._receive()
        return {"type": "http.request", "body": body, "more_body": False}


def refuse_encoded(scope: Scope) -> None:
    """Pass where the body is sent as it is.

    A layer inside could decode another one, and find in it what nobody has seen here.

    Raises:
        RequestError: 415.
    """
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.strip().lower() not in _PLAIN_ENCODINGS:
            raise RequestError(
                "Send the body without a content encoding.",
                status=415,
                code="unsupported_content_encoding",
            )


def headers_of(scope: Scope, body: bytes) -> list[tuple[bytes, bytes]]:
    """Say of the body what is true of it now, and drop what a client may not say.

    It was read as JSON in UTF-8, so that is how it is to be read inside, too: under another type or
    charset the same bytes can be another request.
    """
    kept = [
        field for field in scope["headers"] if may_come_in(field[0]) and field[0] not in _OF_A_BODY
    ]
    return [*kept, JSON_TYPE, (b"content-length", b"%d" % len(body))]
