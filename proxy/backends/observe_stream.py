"""A stream of events read on the side, most of it later than it comes.

Until the first text each event is read as it arrives, since time to first token is measured and a
model that begins with an error may be stood in for. From then on bytes are only kept, and read when
many are there, at the end, or when the transcript is settled because nobody waits for the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.backends.observe_completions import Record, record_completion, record_completions
from proxy.backends.sse import Event, EventSplitter
from proxy.domain import Transcript

MAX_UNREAD_BYTES = 64 * 1024
"""So much of a stream waits to be read."""

_DONE = b"[DONE]"
_LAST_EVENT = b"data: [DONE]\n\n"
_FIRST_BYTES = b"data: "
_END = b"\n\n"

_AT_ONCE: Mapping[Record, Callable[[Transcript, bytes], bool]] = {
    record_completion: record_completions
}
"""How many events are read together, where they can be."""


class StreamObserver:
    """Reads a stream of chunks.

    Args:
        transcript: filled.
        record: reads one event's data into it.
    """

    __slots__ = (
        "_at_once", "_is_behind", "_is_done", "_n_unread", "_record", "_splitter", "_transcript",
        "_unread",
    )  # fmt: skip

    def __init__(self, transcript: Transcript, record: Record = record_completion) -> None:
        self._transcript = transcript
        self._record = record
        self._at_once = _AT_ONCE.get(record)
        self._splitter = EventSplitter()
        self._is_done = False
        self._is_behind = False
        self._unread: list[bytes] = []
        self._n_unread = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        if not self._is_behind:
            self._read(piece)
            if self._at_once is not None and self._transcript.has_text:
                self._is_behind = True
                self._transcript.put_off = self._catch_up
            return
        self._unread.append(piece)
        self._n_unread += len(piece)
        if self._n_unread > MAX_UNREAD_BYTES:
            self._catch_up()

    def finish(self) -> None:
        """Without ``[DONE]`` a stream is whole only if the model said why it stopped."""
        self._transcript.put_off = None
        self._catch_up()
        self._read(b"".join(self._unread))
        for event in self._splitter.finish():
            self._take(event)
        is_whole = self._is_done or self._transcript.finish_reason is not None
        if not is_whole and self._transcript.error_type is None:
            self._transcript.error_type = "closed"

    def _catch_up(self) -> None:
        data = b"".join(self._unread)
        self._unread, self._n_unread = [], 0
        if self._splitter.is_between and b"\r" not in data:
            events, end, begun = data.rpartition(_END)
            if end and self._read_at_once(events + end):
                self._unread, self._n_unread = [begun], len(begun)
                return
        self._read(data)

    def _read_at_once(self, events: bytes) -> bool:
        """Read whole events in one go; False where there is more than plain data in them."""
        is_last = events.endswith(_LAST_EVENT)
        plain = events.removesuffix(_LAST_EVENT) if is_last else events
        if plain and not (
            self._at_once is not None
            and plain.startswith(_FIRST_BYTES)
            and self._at_once(self._transcript, plain)
        ):
            return False
        self._is_done = self._is_done or is_last
        return True

    def _read(self, data: bytes) -> None:
        if data:
            for event in self._splitter.feed(data):
                self._take(event)

    def _take(self, event: Event) -> None:
        name, data = event
        if name == b"error":
            self._transcript.error_type = "provider"
        elif data == _DONE:
            self._is_done = True
        else:
            self._record(self._transcript, data)
