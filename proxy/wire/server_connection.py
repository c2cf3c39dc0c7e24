"""A client's connection: HTTP/1.1 requests in, each put to the application, answers out in order.

It stands in uvicorn's server for uvicorn's own protocol, whose work on a request is a fifth of what
the whole proxy does for it. It knows no upgrades and no WebSockets, and serves who offers one in
HTTP/1.1; beyond uvicorn's, it bounds how long and how large the head of a request may be.

Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from proxy.wire.client import LEAVING
from proxy.wire.server_exchange import Exchange

MAX_HEAD_BYTES = 64 * 1024
"""A request may spend this much on bytes that bring nothing of its body, and the network reads in
which they begin and end: on its head, and on what chunks put around and behind a body."""

LINGER_S = 1.0
"""How long a client that is still sending may take to hear that nobody listens."""

_BODY_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_ASGI = {"version": "3.0", "spec_version": "2.3"}


class ServerConnection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one client, as uvicorn's server asks of a protocol.

    One request is answered after the other; while one waits, no more are read. An idle connection,
    one that takes too long over the head of a request, and one whose client does not read its
    answer, are closed after the keep-alive time.

    Args:
        config: the application, and the keep-alive time.
        server_state: what uvicorn's server knows of connections and tasks.
        app_state: what the lifespan left for requests.

    Attributes:
        write: see :class:`~proxy.wire.server_exchange.Line`, as the next two.
        done: awaited where there is nothing to wait for.
        congestion: while the client is slow.
    """

    write: Callable[[bytes], None]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._app = config.loaded_app
        self._root_path = config.root_path
        self._keep_alive_s = config.timeout_keep_alive
        self._server = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._addresses: tuple[Any, Any] = (None, None)
        self._exchange: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._read_last: Exchange | None = None
        self._is_closing = self._is_deaf = self._is_paused = False
        self._is_in_head = self._is_head_known = False
        self._n_overhead = 0
        self.done = self._loop.create_future()
        self.done.set_result(None)
        self.congestion: asyncio.Future[None] | None = None
        self._idle_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """What every response bears."""
        return self._server.default_headers

    # What an exchange calls.

    async def drained(self) -> None:
        """Wait until the client has caught up, or is gone."""
        while self.congestion is not None:
            await asyncio.shield(self.congestion)

    def pause(self) -> None:
        """Read no more for now."""
        if not (self._is_paused or self._is_closing):
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on, unless requests wait that have been read already."""
        if self._is_paused and not (self._waiting or self._is_closing):
            self._is_paused = False
            self._transport.resume_reading()

    def answered(self, *, is_last: bool) -> None:
        """Go on with the request that waits, or be idle; `is_last`: close."""
        self._server.total_requests += 1
        exchange, self._exchange = self._exchange, None
        if is_last and exchange is not None and not exchange.is_whole:
            self._linger()
        elif is_last:
            self._close()
        elif self._waiting:
            self._run(self._waiting.popleft())
            self.resume()
        else:
            if self._is_paused:
                self.resume()
            self._rest()

    # What uvicorn's server calls.

    def shutdown(self) -> None:
        """Let what is being answered finish, and close."""
        if self._exchange is None:
            self._close()
            return
        self._exchange.keeps_alive = False
        self._waiting.clear()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        self.write = self._transport.write
        self._server.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists its own kinds
        self._addresses = get_local_addr(self._transport), get_remote_addr(self._transport)
        self._rest()

    def data_received(self, data: bytes) -> None:
        """Parse."""
        if self._is_closing or self._is_deaf:
            return
        # Whatever gets on with a request while this is parsed sets it back to nothing.
        self._n_overhead += len(data)
        while data:
            try:
                self._parser.feed_data(data)
                break
            except HttpParserUpgrade as offer:
                data = self._decline(data[offer.args[0] :])
            except HttpParserError:
                self._refuse(b"400 Bad Request")
                return
        if self._n_overhead > MAX_HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever is still at work."""
        self._is_closing = True
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self.resume_writing()
        if self._exchange is not None:
            self._exchange.leave()
        self._waiting.clear()

    def pause_writing(self) -> None:
        """Too much waits for the client to read it: for a while, or it would hold its place."""
        if self.congestion is None:
            self.congestion = self._loop.create_future()
            self._patience = self._loop.call_later(self._keep_alive_s, self._transport.abort)

    def resume_writing(self) -> None:
        """It has read most of it."""
        congestion, self.congestion = self.congestion, None
        if self._patience is not None:
            self._patience.cancel()
        if congestion is not None:
            congestion.set_result(None)

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_in_head = True
        self._n_hosts = 0
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects_continue = False

    def on_url(self, url: bytes) -> None:
        """Keep the target, or a piece of it."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field; one behind the body is nobody's, and would come as a header."""
        if not self._is_in_head:
            return
        name = name.lower()
        if name == b"host":
            self._n_hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    # long because: a call costs, and this runs for every request.
    def on_headers_complete(self) -> None:
        """Begin to answer, or have the request wait for its turn.

        Raises:
            HttpParserError: the request does not say, or says twice, which host it is for.
        """
        self._is_in_head = False
        self._n_overhead = 0
        if self._is_head_known:
            self._is_head_known = False
            return
        parser = self._parser
        version = parser.get_http_version()
        is_old = version == "1.0"
        if self._n_hosts != 1 and (self._n_hosts or not is_old):
            raise HttpParserError("A request has one Host.")
        raw_path, query = self._url, b""
        if not raw_path.startswith(b"/") or b"?" in raw_path or b"#" in raw_path:
            raw_path, query = _split(raw_path)
        path = raw_path.decode("ascii")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "server": self._addresses[0],
            "client": self._addresses[1],
            "scheme": "http",
            "method": parser.get_method().decode("ascii"),
            "root_path": self._root_path,
            "path": self._root_path + (unquote(path) if "%" in path else path),
            "raw_path": self._root_path.encode() + raw_path,
            "query_string": query,
            "headers": self._headers,
            "state": self._app_state.copy(),
        }
        self._read_last = exchange = Exchange(
            self,
            scope,
            keeps_alive=not is_old and parser.should_keep_alive(),
            expects_continue=self._expects_continue and not is_old,
        )
        scope["extensions"] = {LEAVING: exchange}
        if self._exchange is None:
            self._run(exchange)
        else:
            self._waiting.append(exchange)
            self.pause()

    def on_body(self, data: bytes) -> None:
        """Hand on a piece of the body."""
        self._n_overhead = 0
        if self._read_last is not None:
            self._read_last.take(data)

    def on_message_complete(self) -> None:
        """Hand on the end of the request."""
        self._n_overhead = 0
        if self._read_last is not None:
            self._read_last.end()

    def _run(self, exchange: Exchange) -> None:
        self._exchange = exchange
        task = self._loop.create_task(exchange.run(self._app))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def _rest(self) -> None:
        """Close the connection in a while, unless a request comes."""
        self._idle_since = self._loop.time()
        # A timer is left running when a request comes, for the next rest to take up: arming and
        # cancelling one for each request costs more than looking at the clock.
        if self._timer is None:
            self._timer = self._loop.call_later(self._keep_alive_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._exchange is not None:
            return
        due = self._idle_since + self._keep_alive_s
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._on_timer)
        else:
            self._close()

    def _decline(self, rest: bytes) -> bytes:
        """Go on in HTTP with a client that has offered another protocol; gives what to parse next.

        httptools takes such a request to end with its head. But its body is still to come, and any
        number of requests, until a 101 says otherwise (RFC 9110, 7.8). The parser cannot be told
        so: another one gets to hear how long the body is, and then the rest.
        """
        exchange, is_tunnel = self._read_last, self._parser.get_method() == b"CONNECT"
        if exchange is None or is_tunnel:
            self._hear_no_more()
            return b""
        self._parser = HttpRequestParser(self)
        framing = [b"%b: %b\r\n" % field for field in self._headers if field[0] in _BODY_FRAMING]
        if not framing:
            return rest
        # Nobody has seen yet that it was whole: its task runs when this read has been parsed.
        exchange.is_whole = False
        self._is_head_known = True
        return b"POST / HTTP/1.1\r\n%b\r\n%b" % (b"".join(framing), rest)

    def _hear_no_more(self) -> None:
        """Answer the requests that have been read whole, and close: what follows is none."""
        self._is_deaf = True
        if self._waiting and not self._waiting[-1].is_whole:
            self._waiting.pop()
        last = self._waiting[-1] if self._waiting else self._exchange
        if last is not None:
            last.keeps_alive = False

    def _refuse(self, status: bytes) -> None:
        """Say that this is no request, unless that would get into an answer or be a second one."""
        exchange, last = self._exchange, self._read_last
        if exchange is not None and exchange.is_whole:
            self._hear_no_more()
            return
        if last is None or last.is_whole or not last.is_started:
            text = status.partition(b" ")[2]
            self._transport.write(
                b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%b" % (status, len(text), text)
            )
        if exchange is not None:
            exchange.leave()
        self._linger()

    def _linger(self) -> None:
        """End the answer, and close when the client has stopped sending, or in a while.

        Closed at once, the kernel would reset the connection, and the answer could be lost with it.
        """
        self._is_deaf = True
        self._waiting.clear()
        if not self._transport.is_closing():
            self._transport.write_eof()
        self.resume()
        self._loop.call_later(LINGER_S, self._close)

    def _close(self) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(self._keep_alive_s, self._transport.abort)


def _split(target: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request target. Raises HttpParserInvalidURLError."""
    url = parse_url(target)
    return url.path or b"", url.query or b""
