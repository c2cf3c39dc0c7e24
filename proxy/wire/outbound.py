"""A response on its way out: one object for all layers that want to know of it or add to it.

Each layer with a ``send`` of its own would cost every message a coroutine. So the outermost of them
makes an :class:`Outbound`, and those inside recognise it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from starlette.types import Message, Send

from proxy.wire.errors import Headers
from proxy.wire.server_exchange import Exchange


class Outbound:
    """An ASGI ``send`` that remembers how far the response has come.

    Args:
        send: where messages go.

    Attributes:
        status: once the response has started; None before.
        headers: as the application gave them; empty before the start.
        n_bytes: of the body so far.
        tail: the last piece of the body that was not empty.
    """

    __slots__ = ("_added", "_added_names", "_exchange", "_send", "headers", "n_bytes", "status",
                 "tail")  # fmt: skip

    def __init__(self, send: Send) -> None:
        self._send = send
        self._exchange = send if isinstance(send, Exchange) else None
        self._added: Headers = ()
        self._added_names: tuple[bytes, ...] = ()
        self.status: int | None = None
        self.headers: Sequence[tuple[bytes, bytes]] = ()
        self.n_bytes = 0
        self.tail = b""

    def add_header(self, name: bytes, value: bytes) -> None:
        """Have the response bear this header, instead of any that the application gives it."""
        self._added += ((name, value),)
        self._added_names += (name,)

    def __call__(self, message: Message) -> Awaitable[None]:
        """Note one message, and pass it on."""
        if message["type"] == "http.response.body":
            if body := message.get("body", b""):
                self.n_bytes += len(body)
                self.tail = body
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = message["headers"]
            if self._added:
                kept = [field for field in self.headers if field[0] not in self._added_names]
                message = {**message, "headers": [*kept, *self._added]}
        return self._send(message)

    def push(self, piece: bytes) -> bool:
        """Send a piece of a body that has begun, now or not at all; whether it was sent.

        Only where nothing stands between this and a connection of ours, and the client keeps up.
        """
        if self._exchange is None or not self._exchange.push(piece):
            return False
        self.n_bytes += len(piece)
        self.tail = piece
        return True


def outbound(send: Send) -> Outbound:
    """Return the response that ``send`` belongs to; a new one where no layer has made it yet."""
    return send if isinstance(send, Outbound) else Outbound(send)
