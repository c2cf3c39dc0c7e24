"""One request on a connection of ours and its answer, in the words of an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Scope

from proxy.wire.response_head import ResponseHead, response_head

MAX_UNREAD_BYTES = 64 * 1024
"""Reading pauses while more of a request's body than this waits for the application."""

_FAILED = b"Internal Server Error"
_log = logging.getLogger(__name__)


class Line(Protocol):
    """The connection, as an exchange sees it.

    Attributes:
        write: sends bytes.
        congestion: ends when the client has caught up; None while it reads as fast as is written.
    """

    write: Callable[[bytes], None]
    congestion: asyncio.Future[None] | None

    @property
    def done(self) -> asyncio.Future[None]:
        """What is awaited where there is nothing to wait for; the same one spares coroutines."""

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """What every response bears."""

    async def drained(self) -> None:
        """Wait until the client has caught up, or is gone."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on, unless there is another reason not to."""

    def answered(self, *, is_last: bool) -> None:
        """The response is complete; `is_last`: the connection ends with it."""


class Exchange:
    """A request as far as it has come in, and the response as far as it has gone out.

    Args:
        line: the connection.
        scope: ASGI's, of the request.
        keeps_alive: whether another request may follow.
        expects_continue: whether the client waits for a word before it sends the body.

    Attributes:
        is_gone: the client has left.
        is_done: the response is complete.
        is_started: the application has given its status.
        is_whole: the request is complete.
    """

    __slots__ = (
        "__weakref__",
        "_expects_continue",
        "_has_chunks",
        "_head",
        "_is_chunked",
        "_is_handed_over",
        "_is_head",
        "_left",
        "_line",
        "_n_unread",
        "_remaining",
        "_scope",
        "_unread",
        "_waiter",
        "is_done",
        "is_gone",
        "is_started",
        "is_whole",
        "keeps_alive",
    )  # fmt: skip

    def __init__(
        self, line: Line, scope: Scope, *, keeps_alive: bool, expects_continue: bool
    ) -> None:
        self._line = line
        self._scope = scope
        self._is_head = scope["method"] == "HEAD"
        self._has_chunks = scope["http_version"] != "1.0"
        self.keeps_alive = keeps_alive
        self._expects_continue = expects_continue
        self.is_gone = self.is_done = self.is_started = self.is_whole = False
        self._is_handed_over = self._is_chunked = False
        self._unread: list[bytes] = []
        self._n_unread = 0
        self._waiter: asyncio.Future[None] | None = None
        self._left: Callable[[], object] | None = None
        self._head: bytes | None = None
        self._remaining: int | None = 0

    async def run(self, app: ASGIApp) -> None:
        """Have it answered; what the application leaves open is closed."""
        # The scope knows this exchange: kept here, too, only the garbage collector could free both.
        scope, self._scope = self._scope, {}
        try:
            await app(scope, self.receive, self)
        except Exception:  # noqa: BLE001 - the server's edge: logged, and the client gets a 500
            _log.exception("event=application_failed")
        finally:
            if not (self.is_done or self.is_gone):
                self._fail()

    # What the connection calls.

    def take(self, data: bytes) -> None:
        """Keep a piece of the body; nobody reads one whose response is complete."""
        if self.is_done:
            return
        self._unread.append(data)
        self._n_unread += len(data)
        if self._n_unread > MAX_UNREAD_BYTES:
            self._line.pause()
        if self._waiter is not None:
            self._wake()

    def end(self) -> None:
        """The request is whole."""
        self.is_whole = True
        if self._waiter is not None:
            self._wake()

    def leave(self) -> None:
        """The client is gone, or has sent what is no request."""
        if self.is_gone or self.is_done:
            return
        self.is_gone = True
        self._wake()
        if self._left is not None:
            self._left()

    # What the application calls.

    def when_left(self, callback: Callable[[], object] | None) -> None:
        """See :class:`proxy.wire.client.Leaving`."""
        self._left = callback
        if self.is_gone and callback is not None:
            callback()

    async def receive(self) -> Message:
        """ASGI's ``receive``: the next piece of the body, then the client's leaving."""
        if self._expects_continue and not self.is_gone:
            self._expects_continue = False
            if not self.is_started:
                self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self.is_gone or self.is_done):
            if not self._is_handed_over and (self._unread or self.is_whole):
                return self._next_piece()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return {"type": "http.disconnect"}

    def __call__(self, message: Message) -> Awaitable[None]:
        """ASGI's ``send``. Raises RuntimeError for a message that does not belong here."""
        line = self._line
        if self.is_gone:
            return line.done
        if line.congestion is not None:
            return self._send_later(message)
        kind = message["type"]
        if kind == "http.response.body" and self.is_started and not self.is_done:
            body, is_last = message.get("body", b""), not message.get("more_body", False)
            if self._is_chunked and body and self._head is None and not is_last:
                # Every delta of every stream but the first comes this way.
                line.write(b"%x\r\n%b\r\n" % (len(body), body))
            else:
                self._body(body, is_last=is_last)
        elif kind == "http.response.start" and not self.is_started:
            self._start(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"{kind!r} is not what follows in this response.")
        return line.done

    def _next_piece(self) -> Message:
        if self._n_unread > MAX_UNREAD_BYTES:
            # Even if the request is whole: a line that is not read does not say when it breaks.
            self._line.resume()
        pieces, self._unread, self._n_unread = self._unread, [], 0
        self._is_handed_over = self.is_whole
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def _send_later(self, message: Message) -> None:
        await self._line.drained()
        await self(message)

    def push(self, piece: bytes) -> bool:
        """Send a piece of a body in chunks that has begun, unless the client is slow or gone.

        Returns:
            Whether it was sent.
        """
        line = self._line
        has_begun = self._is_chunked and self._head is None
        if not (piece and has_begun) or self.is_gone or self.is_done or line.congestion is not None:
            return False
        line.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return True

    def _start(self, status: int, headers: Any) -> None:
        head = response_head(status, (*self._line.default_headers, *headers))
        self.is_started = True
        if self._expects_continue:
            # Whether the body still comes, now that it is not wanted, is anybody's guess.
            self._expects_continue = self.keeps_alive = False
        self._frame(head)
        closing = b"" if self.keeps_alive else b"connection: close\r\n"
        chunked = b"transfer-encoding: chunked\r\n" if self._is_chunked else b""
        # It goes out with the first bytes of the body.
        self._head = b"%b%b%b\r\n" % (head.data, closing, chunked)

    def _frame(self, head: ResponseHead) -> None:
        """Decide how the client knows where the body ends: by length, by chunks, or by the end."""
        if self._is_head or not head.has_body:
            self._remaining = 0
        else:
            self._remaining = head.n_body
            self._is_chunked = head.n_body is None and self._has_chunks
        is_ended_by_closing = self._remaining is None and not self._is_chunked
        if head.closes or is_ended_by_closing:
            self.keeps_alive = False

    def _body(self, body: bytes, *, is_last: bool) -> None:
        if self._is_head:
            body = b""
        if self._is_chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if is_last:
                body += b"0\r\n\r\n"
        elif self._remaining is not None:
            self._remaining -= len(body)
            if self._remaining < 0 or (is_last and self._remaining):
                raise RuntimeError("The body is not as long as its length says.")
        if self._head is not None:
            body, self._head = self._head + body, None
        if body:
            self._line.write(body)
        if is_last:
            self._end()

    def _end(self) -> None:
        self.is_done = True
        self._left = None
        self._unread.clear()
        if self._waiter is not None:
            self._wake()
        self._line.answered(is_last=not self.keeps_alive)

    def _fail(self) -> None:
        """End a response that the application has not ended, so that the client notices."""
        self.keeps_alive = False
        if self.is_started:
            self.is_done = True
            self._line.answered(is_last=True)
            return
        length = b"%d" % len(_FAILED)
        self._start(500, [(b"content-type", b"text/plain"), (b"content-length", length)])
        self._body(_FAILED, is_last=True)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
