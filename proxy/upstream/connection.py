"""One connection of the lean client: requests out, responses in, one at a time."""

from __future__ import annotations

import asyncio
import math
import select
import socket
from collections.abc import Callable
from typing import cast

from proxy.errors import UpstreamError
from proxy.upstream.base import Take
from proxy.upstream.response_parser import ResponseParser

MAX_BUFFERED_BYTES = 256 * 1024
"""Reading pauses while more of a body than this waits for a slow client."""

STALE_WITHIN_S = 1.0
"""A server that had closed an idle connection says so within a round trip of the next request; one
that dies later was working on it."""

_JOINED_UP_TO_BYTES = 64 * 1024
_FIRST_ERROR_STATUS = 400


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 over a transport.

    Args:
        on_lost: called once with the connection when it has closed.

    Attributes:
        parser: the response as far as it has arrived.
        is_closed: whether it is of no more use.
        idle_since: loop time of its return to the pool.
        n_requests: how many were sent on it.
    """

    def __init__(self, on_lost: Callable[[Connection], None]) -> None:
        self.parser = ResponseParser()
        self.is_closed = False
        self.idle_since = 0.0
        self.n_requests = 0
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._is_tls = self._is_long = self._is_paused = False
        self._error: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._push: Take | None = None
        self._until = self._idle_s = 0.0
        self._deadline = math.inf
        self._sent_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def send(self, head: bytes, body: bytes, *, expects_body: bool = True) -> None:
        """Write a request; the response to the one before must have been complete.

        Raises:
            UpstreamError: the server closed the connection as soon as it had opened it.
        """
        transport = self._transport
        if transport is None or self.is_closed:
            raise _closed(is_sent=False)
        self.n_requests += 1
        self._sent_at = self._loop.time()
        self.parser.expect(has_body=expects_body)
        self._is_long = len(body) > _JOINED_UP_TO_BYTES
        if self._is_long:
            transport.writelines((head, body))
        else:
            transport.write(head + body)

    async def head(self, until: float) -> None:
        """Wait until ``parser`` has the status and headers.

        Args:
            until: loop time at which to give up.

        Raises:
            UpstreamError: it did not come.
        """
        while not self.parser.has_head:
            await self._news(until)

    async def piece(self, idle_s: float, deadline: float) -> bytes:
        """Wait for the next piece of the body.

        Args:
            idle_s: seconds to wait for it.
            deadline: loop time at which to give up altogether.

        Raises:
            StopAsyncIteration: there is none any more.
            UpstreamError: it did not come.
        """
        parser, now = self.parser, self._loop.time()
        if now >= deadline:
            raise _timeout()
        self._idle_s, self._deadline = idle_s, deadline
        until = min(now + idle_s, deadline)
        while not (parser.n_buffered or parser.is_complete):
            await self._news(until)
        if not parser.n_buffered:
            raise StopAsyncIteration
        return self._take() if self._is_paused else parser.take()

    def push_to(self, take: Take | None) -> None:
        """See :class:`proxy.upstream.base.Pushes`; None ends it."""
        self._push = take

    def whole(self) -> bytes | None:
        """The body, if all of it has arrived; None otherwise, and then `piece` has it."""
        return self._take() if self.parser.is_complete else None

    def _take(self) -> bytes:
        data = self.parser.take()
        if self._is_paused and self._transport is not None and not self.is_closed:
            self._is_paused = False
            self._transport.resume_reading()
        return data

    @property
    def is_reusable(self) -> bool:
        """Whether the exchange is wholly over, and another may follow."""
        return (
            self.parser.is_complete
            and self.parser.is_reusable
            and not self.is_closed
            and not self._is_paused
            and not self._has_unsent
        )

    @property
    def _has_unsent(self) -> bool:
        """Whether some of the request may still wait here, because the server refused to read it.

        TLS transports do not count what they have encrypted; so a long request that was answered
        with an error is suspect.
        """
        if self._transport is None or self._transport.get_write_buffer_size():
            return True
        return self._is_tls and self._is_long and self.parser.status >= _FIRST_ERROR_STATUS

    @property
    def is_stale(self) -> bool:
        """Whether an idle connection has been closed, or has bytes that nobody asked for.

        Asks the kernel, since the event loop may not have got round to it.
        """
        return self.is_closed or bool(self._poll.poll(0))

    @property
    def was_stale(self) -> bool:
        """Whether a failed exchange most likely never reached the server's program.

        So it is for a reused connection that ends before the first byte, at once.
        """
        return (
            self.n_requests > 1
            and self.parser.is_untouched
            and self._error is not None
            and self._error.error_type == "closed"
            and self._loop.time() - self._sent_at < STALE_WITHIN_S
        )

    def abort(self) -> None:
        """Close at once, whatever is still unsent or unread."""
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the socket's options: no delay for small writes, notice a peer that vanished."""
        self._transport = cast("asyncio.Transport", transport)
        self._is_tls = transport.get_extra_info("ssl_object") is not None
        sock = transport.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._poll.register(sock.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Parse, and wake whoever waits."""
        parser = self.parser
        if parser.is_complete or self.is_closed:
            self.abort()
            return
        try:
            parser.feed(data)
        except UpstreamError as error:
            self._fail(error)
            return
        if self._push is not None and self._is_pushed(self._push):
            return
        if parser.n_buffered > MAX_BUFFERED_BYTES and not self._is_paused and self._transport:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def _is_pushed(self, push: Take) -> bool:
        """Whether what has arrived went on at once, so that whoever waits for it waits for more."""
        parser, waiter = self.parser, self._waiter
        if waiter is None or waiter.done() or parser.is_complete or not parser.n_buffered:
            return False
        piece = parser.take()
        if not push(piece):
            parser.put_back(piece)
            return False
        self._until = min(self._loop.time() + self._idle_s, self._deadline)
        return True

    def eof_received(self) -> None:
        """The server has said all it will; that ends a response which has no length."""
        try:
            self.parser.end()
        except UpstreamError as error:
            self._fail(error)
        else:
            self.abort()
            self._wake()

    def connection_lost(self, _error: Exception | None) -> None:
        """Whatever was still expected will not come."""
        self.abort()
        self._transport = None
        if not self.parser.is_complete:
            self._fail(_closed())
        self._on_lost(self)

    def _news(self, until: float) -> asyncio.Future[None]:
        """What is awaited until something has arrived; raises what went wrong instead."""
        if self._error is not None:
            raise self._error
        self._waiter = waiter = self._loop.create_future()
        self._until = until
        # A timer is left running when the wait is over, for the next one to take up: arming and
        # cancelling one for each read costs more than the read.
        if self._timer is None or self._timer_at > until:
            self._arm(until)
        return waiter

    def _arm(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = moment
        self._timer = self._loop.call_at(moment, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._until:
            self._arm(self._until)
        else:
            self._fail(_timeout())

    def _fail(self, error: UpstreamError) -> None:
        # The first one counts: over TLS, data and an end still arrive after we have closed.
        self._error = self._error or error
        self.abort()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _closed(*, is_sent: bool = True) -> UpstreamError:
    message = "The upstream broke off the connection."
    return UpstreamError(message, error_type="closed", is_sent=is_sent)


def _timeout() -> UpstreamError:
    return UpstreamError("The upstream did not answer in time.", error_type="timeout")
