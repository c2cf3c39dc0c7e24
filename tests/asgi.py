"""Call an ASGI application as a server would, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = Sequence[tuple[str, str]]


@dataclass
class Reply:
    """What the application sent, message by message."""

    messages: list[MutableMapping[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The HTTP status; 0 where no response was begun."""
        return int(self.messages[0]["status"]) if self.messages else 0

    @property
    def headers(self) -> dict[str, str]:
        """Response headers; the last of a name wins."""
        pairs: Iterable[tuple[bytes, bytes]] = self.messages[0]["headers"]
        return {name.decode(): value.decode() for name, value in pairs}

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)

    @property
    def is_complete(self) -> bool:
        """Whether the application said that this was all."""
        return len(self.messages) > 1 and not self.messages[-1].get("more_body", False)


def scope_of(
    method: str = "GET", path: str = "/", headers: Headers = (), *, root_path: str = ""
) -> dict[str, Any]:
    """Make a request's scope; header names are sent in lower case, as servers do.

    A server that is told of a root path has it before the path, too.
    """
    return {
        "type": "http",
        "method": method,
        "path": root_path + path,
        "raw_path": (root_path + path).encode(),
        "root_path": root_path,
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "http_version": "1.1",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }


async def call(
    app: ASGIApp,
    method: str = "GET",
    path: str = "/",
    *,
    headers: Headers = (),
    body: bytes | Sequence[bytes] = b"",
    gone: asyncio.Event | None = None,
    root_path: str = "",
) -> Reply:
    """Send one request and collect the response.

    Args:
        app: the application.
        method: HTTP method.
        path: without a query.
        headers: request headers.
        body: whole, or in the pieces it arrives in.
        gone: when set, the client has closed the connection.
        root_path: under which the server has mounted the application.
    """
    pieces = [body] if isinstance(body, bytes) else list(body)
    gone = gone or asyncio.Event()
    reply = Reply()

    async def receive() -> Message:
        if pieces:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        reply.messages.append(message)

    await app(scope_of(method, path, headers, root_path=root_path), receive, send)
    return reply


class Echo:
    """An application that answers 200 with the body it got, and remembers the scope."""

    def __init__(self) -> None:
        self.scope: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.scope = scope
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body, "more_body": False})
