"""Events out of bytes that were cut anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.sse import MAX_EVENT_BYTES, Event, EventSplitter

STREAM = (
    b": ping\n\n"
    b'data: {"a": 1}\n\n'
    b"event: note\ndata: one\ndata: two\n\n"
    b"data:no space\r\n\r\n"
    b"id: 7\rdata: old mac\r\r"
    b"\n\n"
    b"data: caf\xc3\xa9\n\n"
    b"data: [DONE]\n\n"
)
EVENTS = [
    Event(b"", b'{"a": 1}'),
    Event(b"note", b"one\ntwo"),
    Event(b"", b"no space"),
    Event(b"", b"old mac"),
    Event(b"", b"caf\xc3\xa9"),
    Event(b"", b"[DONE]"),
]


def split(*pieces: bytes) -> list[Event]:
    """All events of these pieces."""
    splitter = EventSplitter()
    return [event for piece in pieces for event in splitter.feed(piece)] + [*splitter.finish()]


def test_whole_stream_in_one_piece() -> None:
    """All line endings, comments, names and several data lines."""
    assert split(STREAM) == EVENTS


def test_stream_cut_at_every_byte() -> None:
    """One byte at a time gives the same events."""
    assert split(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == EVENTS


@pytest.mark.parametrize("at", range(len(STREAM)))
def test_stream_cut_once(at: int) -> None:
    """Wherever the network cuts, also inside a CRLF or a character."""
    assert split(STREAM[:at], STREAM[at:]) == EVENTS


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_stream_cut_at_random(cuts: list[int]) -> None:
    """Also in many places, and with empty pieces."""
    edges = [0, *sorted(cuts), len(STREAM)]
    assert split(*(STREAM[a:b] for a, b in itertools.pairwise(edges))) == EVENTS


def test_usual_piece_takes_the_short_way() -> None:
    """One whole event a piece needs no buffer."""
    assert split(b"data: x\n\n", b"data: y\n\n") == [Event(b"", b"x"), Event(b"", b"y")]


def test_missing_last_blank_line_loses_nothing() -> None:
    """A server that closes right behind its last line."""
    assert split(b"data: x\n\ndata: y") == [Event(b"", b"x"), Event(b"", b"y")]
    assert split(b"event: error\ndata: y\n") == [Event(b"error", b"y")]


def test_error_field_of_old_llama_servers_is_an_error_event() -> None:
    """They wrote ``error:`` where ``data:`` belongs."""
    assert split(b'error: {"code": 500}\n\n') == [Event(b"error", b'{"code": 500}')]


def test_large_event_in_many_pieces() -> None:
    """A megabyte in one frame, as tool results can have."""
    body = b"x" * 2**20
    frame = b"data: " + body + b"\n\n"
    pieces = [frame[i : i + 65536] for i in range(0, len(frame), 65536)]
    assert split(*pieces) == [Event(b"", body)]


def test_endless_event_is_skipped_and_the_next_one_read() -> None:
    """The side copy stays bounded."""
    pieces = [b"data: " + b"x" * 2**20, *([b"x" * 2**20] * (MAX_EVENT_BYTES // 2**20))]
    found = split(*pieces, b"x\n\n", b"data: next\n\n")
    assert found[-1] == Event(b"", b"next")
    assert all(len(event.data) <= MAX_EVENT_BYTES for event in found)


def test_endless_data_lines_are_skipped_too() -> None:
    """Many short lines of one event count together."""
    line = b"data: " + b"x" * 2**20 + b"\n"
    found = split(*([line] * (MAX_EVENT_BYTES // 2**20 + 1)), b"\n", b"data: next\n\n")
    assert found == [Event(b"", b"next")]
