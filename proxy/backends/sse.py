"""Server-sent events out of bytes that the network cut anywhere.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from collections.abc import Sequence
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

    Attributes:
        is_between: whether nothing of an event waits for its rest.
    """

    __slots__ = ("_data", "_name", "_pending", "_size", "is_between")

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0
        self.is_between = True

    def feed(self, piece: bytes) -> Sequence[Event]:
        """The events that ``piece`` completes, in order."""
        # Nearly every piece of every stream is one whole event of one line.
        if (
            self.is_between
            and piece.startswith(b"data: ")
            and piece.endswith(b"\n\n")
            and piece.find(b"\n") == len(piece) - 2
            and b"\r" not in piece
        ):
            return (Event(b"", piece[6:-2]),)
        self._pending.append(piece)
        if b"\n" not in piece and b"\r" not in piece:
            self.is_between = False
            self._size += len(piece)
            if self._size > MAX_EVENT_BYTES:
                self._skip()
            return ()
        events: list[Event] = []
        for line in self._whole_lines():
            self._take(line, events)
        self.is_between = not (self._pending or self._data or self._name)
        return events

    def finish(self) -> Sequence[Event]:
        """What a server that forgot the last blank line left behind."""
        events: list[Event] = []
        rest, self._pending = b"".join(self._pending), []
        if rest:
            self._take(rest.rstrip(b"\r\n"), events)
        self._dispatch(events)
        return events

    def _whole_lines(self) -> list[bytes]:
        lines = b"".join(self._pending).splitlines(keepends=True)
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        self._pending = [rest] if rest else []
        self._size = len(rest) + sum(map(len, self._data))
        return [line.rstrip(b"\r\n") for line in lines]

    def _take(self, line: bytes, events: list[Event]) -> None:
        if not line:
            self._dispatch(events)
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
            # Older llama-servers named the field, not the event.
            self._name, self._data = b"error", [value]

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(self._name, b"\n".join(self._data)))
        self._name, self._data, self._size = b"", [], 0

    def _skip(self) -> None:
        self._pending, self._name, self._data, self._size = [], b"", [], 0
