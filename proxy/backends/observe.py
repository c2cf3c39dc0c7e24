"""From an answer's bytes to its transcript, on the side: the bytes themselves are not touched.

What is read of them is said in `observe_completions` and `observe_responses`.
"""

from __future__ import annotations

import zlib
from typing import Any, Protocol

from proxy.backends.observe_completions import Record, record_completion
from proxy.backends.observe_stream import StreamObserver
from proxy.domain import Transcript

MAX_BODY_BYTES = 32 * 2**20
"""A longer JSON answer is passed on but not observed."""

_STREAM_TYPE = b"text/event-stream"


class Observer(Protocol):
    """Fills a transcript from bytes."""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes, cut anywhere. Never raises."""

    def finish(self) -> None:
        """The answer has ended; what is missing now is an error."""


class BodyObserver:
    """Reads one JSON body."""

    __slots__ = ("_pieces", "_record", "_room", "_transcript")

    def __init__(self, transcript: Transcript, record: Record = record_completion) -> None:
        self._transcript = transcript
        self._record = record
        self._pieces: list[bytes] = []
        self._room = MAX_BODY_BYTES

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._room -= len(piece)
        if self._room >= 0:
            self._pieces.append(piece)

    def finish(self) -> None:
        """Decode the body."""
        if self._room >= 0:
            self._record(self._transcript, b"".join(self._pieces))
        self._pieces.clear()


class _Unread:
    """Looks at nothing."""

    def feed(self, piece: bytes) -> None:
        """Let them pass."""

    def finish(self) -> None:
        """Nothing is missing."""


class _Inflated:
    """Undoes gzip or deflate, for servers that compress although asked not to."""

    def __init__(self, inner: Observer) -> None:
        self._inner = inner
        self._inflate: Any = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def feed(self, piece: bytes) -> None:
        """Take the next compressed bytes; gives up silently on what it cannot undo."""
        while piece and self._inflate is not None:
            try:
                self._inner.feed(self._inflate.decompress(piece, MAX_BODY_BYTES))
            except zlib.error:
                self._inflate = None
                return
            piece = self._inflate.unconsumed_tail

    def finish(self) -> None:
        """Pass on the end, unless the middle was unreadable."""
        if self._inflate is not None:
            self._inner.finish()


def observe_whole(
    transcript: Transcript,
    body: bytes,
    *,
    content_type: bytes | None,
    content_encoding: bytes | None,
    record: Record | None,
) -> None:
    """Read an answer that is there already; see `observer`."""
    is_plain = content_encoding is None and not (content_type or b"").startswith(_STREAM_TYPE)
    if is_plain and record is not None and len(body) <= MAX_BODY_BYTES:
        record(transcript, body)
        return
    watch = observer(
        transcript, content_type=content_type, content_encoding=content_encoding, record=record
    )
    watch.feed(body)
    watch.finish()


def observer(
    transcript: Transcript,
    *,
    content_type: bytes | None,
    content_encoding: bytes | None = None,
    record: Record | None = record_completion,
) -> Observer:
    """The observer for a response with these headers.

    An answer in an encoding that Python cannot undo leaves the transcript incomplete, so that it
    counts as unjudged. Without `record` nothing is read or kept.
    """
    if record is None:
        return _Unread()
    is_stream = (content_type or b"").startswith(_STREAM_TYPE)
    inner: Observer = (
        StreamObserver(transcript, record) if is_stream else BodyObserver(transcript, record)
    )
    if content_encoding in {None, b"", b"identity"}:
        return inner
    return _Inflated(inner)
