"""From an answer's bytes to its transcript, on the side: the bytes themselves are not touched.

Only what judges and metrics read is decoded: the first choice's text, its finish reason, token
counts, errors. ``reasoning_content`` stays out of the text, because judges see the answer alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from proxy.backends.sse import Event, EventSplitter
from proxy.domain import Transcript, Usage

MAX_BODY_BYTES = 32 * 2**20
"""A longer JSON answer is passed on but not observed."""


class Observer(Protocol):
    """Fills a transcript from bytes."""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes, cut anywhere. Never raises."""

    def finish(self) -> None:
        """The answer has ended; what is missing now is an error."""


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Message(msgspec.Struct):
    """A whole message or a delta of one."""

    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Message | None = None
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Payload(msgspec.Struct):
    """What we read of a chat or text completion, whole or chunk."""

    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Payload).decode

Record = Callable[[Transcript, bytes], None]
"""Reads one event's data, or one whole body, into a transcript. Never raises."""


def record_completion(transcript: Transcript, data: bytes) -> None:
    """Read a chat or text completion, or a chunk of one."""
    try:
        payload = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        transcript.error_type = "protocol"
        return
    if payload.error is not None:
        transcript.error_type = "provider"
    if payload.model is not None:
        transcript.model = payload.model
    if payload.usage is not None:
        transcript.usage = _counted(payload.usage)
    if payload.choices:
        for choice in payload.choices:
            if choice.index == 0:
                _record_choice(transcript, choice)


def _record_choice(transcript: Transcript, choice: _Choice) -> None:
    message = choice.delta or choice.message
    if message is not None:
        if message.content:
            transcript.add_text(_text(message.content))
        if message.refusal:
            transcript.add_text(message.refusal)
    elif choice.text is not None:
        transcript.add_text(choice.text)
    if choice.finish_reason is not None:
        transcript.finish_reason = choice.finish_reason


def _text(content: str | list[_Part]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.text or "" for part in content if part.type == "text")


def _counted(usage: _Usage) -> Usage:
    details = usage.prompt_tokens_details
    return Usage(
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
    )


class StreamObserver:
    """Reads a stream of chunks."""

    __slots__ = ("_is_done", "_record", "_splitter", "_transcript")

    def __init__(self, transcript: Transcript, record: Record = record_completion) -> None:
        self._transcript = transcript
        self._record = record
        self._splitter = EventSplitter()
        self._is_done = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        for event in self._splitter.feed(piece):
            self._take(event)

    def finish(self) -> None:
        """Without ``[DONE]`` a stream is whole only if the model said why it stopped."""
        for event in self._splitter.finish():
            self._take(event)
        is_whole = self._is_done or self._transcript.finish_reason is not None
        if not is_whole and self._transcript.error_type is None:
            self._transcript.error_type = "closed"

    def _take(self, event: Event) -> None:
        name, data = event
        if name == b"error":
            self._transcript.error_type = "provider"
        elif data == b"[DONE]":
            self._is_done = True
        else:
            self._record(self._transcript, data)


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
    is_stream = (content_type or b"").startswith(b"text/event-stream")
    inner: Observer = (
        StreamObserver(transcript, record) if is_stream else BodyObserver(transcript, record)
    )
    if content_encoding in {None, b"", b"identity"}:
        return inner
    return _Inflated(inner)
