"""Streams read late: the same transcript as when every event is read as it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.backends.observe_stream import MAX_UNREAD_BYTES, StreamObserver
from proxy.domain import Transcript


def event(text: str | None = None, reason: str | None = None, **more: Any) -> bytes:
    """One chunk as most servers write it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    said = json.dumps({"choices": [choice], **more}, separators=(",", ":"))
    return b"data: " + said.encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = event(usage={"prompt_tokens": 3, "completion_tokens": 4})
WORDS = [event(f" {number}") for number in range(40)]
TEXT = "".join(f" {number}" for number in range(40))


def watch(*pieces: bytes) -> tuple[StreamObserver, Transcript]:
    """An observer that has been fed."""
    transcript = Transcript()
    observer = StreamObserver(transcript)
    for piece in pieces:
        observer.feed(piece)
    return observer, transcript


def test_the_first_text_is_read_as_it_comes_and_the_rest_at_the_end() -> None:
    """Time to first token is measured; all else can wait."""
    observer, transcript = watch(event(), *WORDS)
    assert transcript.text == " 0"
    observer.finish()
    assert transcript.text == TEXT


def test_an_answer_that_is_abandoned_behind_its_end_was_whole() -> None:
    """Some clients leave as soon as they have read why the model stopped."""
    _, transcript = watch(*WORDS, event("", "stop"))
    assert not transcript.is_complete
    transcript.settle()
    assert (transcript.is_complete, transcript.text) == (True, TEXT)


def test_what_has_been_settled_is_not_read_again() -> None:
    """Nor is anything left to be settled at the end."""
    observer, transcript = watch(*WORDS, DONE)
    transcript.settle()
    transcript.settle()
    observer.finish()
    assert (transcript.text, transcript.put_off) == (TEXT, None)


def test_what_waits_is_bounded() -> None:
    """It is read in between."""
    long = event("x" * 1000)
    _, transcript = watch(*[long] * (MAX_UNREAD_BYTES // 1000 + 1))
    assert len(transcript.text) > MAX_UNREAD_BYTES // 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000, 100_000])
@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b": ping\n\n",
        b"data: not json\n\n",
        b"event: error\ndata: {}\n\n",
        b"data: {\ndata: }\n\n",
        b"data: {},{}\n\n",
        event("crlf").replace(b"\n", b"\r\n"),
        event("last").rstrip(b"\n"),
    ],
)
def test_pieces_of_any_size_give_what_single_events_give(size: int, odd: bytes) -> None:
    """Whatever is among them."""
    data = b"".join([*WORDS, odd, *WORDS, event("", "stop"), USAGE, DONE])
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    late = _read(pieces)
    assert late == _read([data])
    assert late[0].startswith(TEXT)


@pytest.mark.parametrize("cut", range(len(WORDS[0]) + len(DONE)))
def test_a_stream_may_break_off_anywhere(cut: int) -> None:
    """What came is read, and what is missing is an error."""
    data = b"".join([*WORDS, WORDS[0], DONE])[: len(b"".join(WORDS)) + cut]
    late = _read([WORDS[0], data[len(WORDS[0]) :]])
    assert late == _read([data])
    assert (late[-1] is None) == (b"[DONE]" in data)


def _read(pieces: list[bytes]) -> tuple[str, object, object, object]:
    observer, transcript = watch(*pieces)
    observer.finish()
    return transcript.text, transcript.finish_reason, transcript.usage, transcript.error_type
