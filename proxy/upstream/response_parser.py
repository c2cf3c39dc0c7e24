"""HTTP/1.1 responses out of bytes that the network cut anywhere; no input and no output here.

Strict where leniency is how messages are smuggled: both lengths, two lengths, any transfer encoding
but ``chunked``, bare line feeds and folded headers are protocol errors, most of them llhttp's own.
Trailers are dropped.

Source: RFC 9112.
"""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from proxy.errors import UpstreamError

MAX_HEAD_BYTES = 64 * 1024
"""A response may spend this much, and one network read, on bytes that bring no body."""

_FIRST_FINAL_STATUS = 200
_SWITCHING_PROTOCOLS = 101
_BODILESS = frozenset({204, 304})


class ResponseParser:
    """Reads one response after another; call `expect` before each.

    Attributes:
        status: HTTP status, once `has_head`.
        headers: names in lower case, once `has_head`.
        has_head: whether the status and all headers have arrived.
        is_complete: whether the response has ended.
        is_reusable: whether another response may follow on this connection.
        n_buffered: bytes of the body that wait to be taken.
    """

    __slots__ = (
        "_ends_with_connection", "_expects_body", "_has_length", "_is_interim", "_n_overhead",
        "_parser", "_pieces", "has_head", "headers", "is_complete", "is_reusable", "n_buffered",
        "status",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.expect()
        self.is_complete = True

    @property
    def is_untouched(self) -> bool:
        """Whether not one byte of the expected response has arrived."""
        return not (self.has_head or self._n_overhead)

    def expect(self, *, has_body: bool = True) -> None:
        """Get ready for the next response; one to HEAD has no body, whatever its headers say."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = self.is_complete = False
        self.is_reusable = True
        self.n_buffered = 0
        self._pieces: list[bytes] = []
        self._expects_body = has_body
        self._has_length = self._is_interim = self._ends_with_connection = False
        self._n_overhead = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises UpstreamError if they are no HTTP/1.1."""
        n_before = self.n_buffered
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.is_complete:
                raise _not_http() from error
            self.is_reusable = False
        if self.n_buffered != n_before:
            self._n_overhead = 0
        elif not self.is_complete:
            self._n_overhead += len(data)
            if self._n_overhead > MAX_HEAD_BYTES:
                raise _not_http()

    def end(self) -> None:
        """Take the connection's end. Raises UpstreamError unless it is the response's end, too."""
        self.is_reusable = False
        if self.is_complete:
            return
        if not self._ends_with_connection:
            raise UpstreamError("The upstream broke off the connection.", error_type="closed")
        self.is_complete = True

    def take(self) -> bytes:
        """All of the body that has arrived since the last time."""
        pieces, self._pieces, self.n_buffered = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def put_back(self, piece: bytes) -> None:
        """Have a piece that was taken be taken again."""
        self._pieces.insert(0, piece)
        self.n_buffered += len(piece)

    # What follows is called by httptools.

    def on_message_begin(self) -> None:
        """Something follows a finished response, which nobody asked for."""
        if self.is_complete:
            raise _not_http()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field, and note what decides where the body ends."""
        if self.has_head:
            return
        name = name.lower()
        if name == b"content-length":
            self._has_length = True
        elif name == b"transfer-encoding":
            if self._has_length or value.lower() != b"chunked":
                raise _not_http()
            self._has_length = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: skip an interim one, refuse what is no HTTP/1."""
        status = self._parser.get_status_code()
        if status == _SWITCHING_PROTOCOLS or not self._parser.get_http_version().startswith("1."):
            raise _not_http()
        self._is_interim = status < _FIRST_FINAL_STATUS
        if self._is_interim:
            self.headers = []
            self._has_length = False
            return
        self.status = status
        self.has_head = True
        self.is_reusable = self._parser.should_keep_alive()
        self._ends_with_connection = not (self._has_length or status in _BODILESS)
        if not self._expects_body:
            # The parser cannot be told that no body follows, so this connection ends here.
            self.is_complete = True
            self.is_reusable = False

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if not self.is_complete:
            self._pieces.append(data)
            self.n_buffered += len(data)

    def on_message_complete(self) -> None:
        """The response has ended, unless it was an interim one."""
        if not self._is_interim:
            self.is_complete = True


def _not_http() -> UpstreamError:
    return UpstreamError("The upstream does not speak HTTP/1.1.", error_type="protocol")
