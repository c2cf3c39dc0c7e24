"""Server-sent events out of bytes that the network cut anywhere.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MAX_EVENT_BYTES = 8 * 2**20
"""A longer event is skipped: no model sends one, and the copy must stay bounded."""


class Event(NamedTuple):
    """One event: its ``event:`` field, empty for the default, and its ``data:`` lines joined."""

    name: bytes
    data: bytes


class EventSplitter:
    """Collects bytes and gives out whole events.

    Knows all three line endings, multi-line data and comments. A lone carriage return at the end of
    a piece waits for the next byte, because it may be half of a CRLF.
    """

    __slots__ = ("_data", "_name", "_pending", "_size")

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that ``piece`` completes, in order."""
        if self._is_one_event(piece):
            yield Event(b"", piece[6:-2])
            return
        self._pending.append(piece)
        if b"\n" not in piece and b"\r" not in piece:
            self._size += len(piece)
            if self._size > MAX_EVENT_BYTES:
                self._skip()
            return
        for line in self._whole_lines():
            yield from self._take(line)

    def finish(self) -> Iterator[Event]:
        """What a server that forgot the last blank line left behind."""
        rest, self._pending = b"".join(self._pending), []
        if rest:
            yield from self._take(rest.rstrip(b"\r\n"))
        yield from self._dispatch()

    def _is_one_event(self, piece: bytes) -> bool:
        """Whether this is nearly every piece of every stream: one whole ``data:`` line."""
        return (
            not self._pending
            and not self._data
            and piece.startswith(b"data: ")
            and piece.endswith(b"\n\n")
            and piece.find(b"\n") == len(piece) - 2
            and b"\r" not in piece
            and not self._name
        )

    def _whole_lines(self) -> list[bytes]:
        lines = b"".join(self._pending).splitlines(keepends=True)
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        self._pending = [rest] if rest else []
        self._size = len(rest) + sum(map(len, self._data))
        return [line.rstrip(b"\r\n") for line in lines]

    def _take(self, line: bytes) -> Iterator[Event]:
        if not line:
            yield from self._dispatch()
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value)
            if self._size > MAX_EVENT_BYTES:
                self._skip()
        elif field == b"event":
            self._name = value
        elif field == b"error":
            # llama-server before b4000 named the field, not the event.
            self._name, self._data = b"error", [value]

    def _dispatch(self) -> Iterator[Event]:
        if self._data:
            yield Event(self._name, b"\n".join(self._data))
        self._name, self._data, self._size = b"", [], 0

    def _skip(self) -> None:
        self._pending, self._name, self._data, self._size = [], b"", [], 0
