"""Responses out of bytes cut anywhere."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamError
from proxy.upstream.response_parser import MAX_HEAD_BYTES, ResponseParser

STREAM = (
    b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"9\r\ndata: 1\n\n\r\n9;x=y\r\ndata: \xc3\xa9\n\r\n1\r\n\n\r\n0\r\nx-trailer: 1\r\n\r\n"
)
HEADERS = [(b"content-type", b"text/event-stream"), (b"transfer-encoding", b"Chunked")]
BODY = b"data: 1\n\ndata: \xc3\xa9\n\n"


def parsed(*pieces: bytes, has_body: bool = True) -> ResponseParser:
    """A parser that was fed these."""
    parser = ResponseParser()
    parser.expect(has_body=has_body)
    for piece in pieces:
        parser.feed(piece)
    return parser


@pytest.mark.parametrize("cut", range(1, len(STREAM)))
def test_stream_cut_once_anywhere_reads_the_same(cut: int) -> None:
    """Every cut there is."""
    parser = parsed(STREAM[:cut], STREAM[cut:])
    assert (parser.status, parser.headers, parser.take()) == (200, HEADERS, BODY)
    assert parser.is_complete
    assert parser.is_reusable


def test_stream_cut_at_every_byte_reads_the_same() -> None:
    """All of them at once."""
    parser = parsed(*(STREAM[index : index + 1] for index in range(len(STREAM))))
    assert (parser.status, parser.headers, parser.take()) == (200, HEADERS, BODY)
    assert parser.is_complete


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_garbage_is_refused_or_waited_for_and_never_crashes(pieces: list[bytes]) -> None:
    """No other exception than ours, whatever comes."""
    parser = ResponseParser()
    parser.expect()
    with suppress(UpstreamError):
        for piece in pieces:
            parser.feed(piece)
        parser.end()
        assert parser.is_complete


def test_one_parser_reads_one_response_after_another() -> None:
    """With nothing left over from the one before."""
    parser = parsed(STREAM)
    parser.expect()
    parser.feed(b"HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno")
    assert (parser.status, parser.headers) == (404, [(b"content-length", b"2")])
    assert parser.take() == b"no"
    assert parser.is_complete


def test_is_untouched_until_the_first_byte() -> None:
    """Which decides whether a request may be sent again."""
    parser = parsed()
    assert parser.is_untouched
    parser.feed(b"H")
    assert not parser.is_untouched
    assert not parsed(STREAM).is_untouched


def test_take_gives_what_has_come_since() -> None:
    """And counts what has not been taken."""
    parser = parsed(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nab", b"cd")
    assert parser.n_buffered == 4
    assert parser.take() == b"abcd"
    assert parser.n_buffered == 0
    parser.feed(b"ef")
    assert parser.take() == b"ef"
    assert parser.take() == b""


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\n",
        b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_ambiguous_head_is_a_protocol_error(head: bytes) -> None:
    """What two readers could read differently is not read at all."""
    with pytest.raises(UpstreamError) as caught:
        parsed(head)
    assert caught.value.error_type == "protocol"


def test_answer_to_head_is_complete_and_the_last() -> None:
    """Its length describes a body that does not come."""
    parser = parsed(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", has_body=False)
    assert parser.is_complete
    assert not parser.is_reusable


def test_second_answer_spoils_the_connection_and_not_the_first() -> None:
    """Nothing of it is taken for the first one's."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    parser = parsed(answer + b"ok" + answer + b"no")
    assert parser.take() == b"ok"
    assert parser.headers == [(b"content-length", b"2")]
    assert parser.is_complete
    assert not parser.is_reusable


def test_body_without_a_length_ends_with_the_connection() -> None:
    """And such a connection is done with."""
    parser = parsed(b"HTTP/1.1 200 OK\r\n\r\nall", b" of it")
    assert not parser.is_complete
    parser.end()
    assert parser.is_complete
    assert not parser.is_reusable
    assert parser.take() == b"all of it"


@pytest.mark.parametrize("n_bytes", [0, 10, 40, 80, 100])
def test_end_before_the_end_is_closed(n_bytes: int) -> None:
    """A response with a length is whole or broken."""
    parser = parsed(STREAM[len(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n") :][:n_bytes])
    with pytest.raises(UpstreamError) as caught:
        parser.end()
    assert caught.value.error_type == "closed"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x: 1\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nx: ", b"x" * 6000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", b"x" * 6000),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=", b"x" * 6000),
    ],
)
def test_bytes_that_bring_no_body_are_bounded(start: bytes, more: bytes) -> None:
    """Headers, interim responses, trailers, chunk extensions: none may fill our memory."""
    parser = parsed(start) if start else parsed()
    for _ in range((MAX_HEAD_BYTES - len(start)) // len(more)):
        parser.feed(more)
    with pytest.raises(UpstreamError) as caught:
        parser.feed(more)
    assert caught.value.error_type == "protocol"


def test_long_body_is_not_bounded() -> None:
    """Only what brings none is."""
    parser = parsed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(MAX_HEAD_BYTES):
        parser.feed(b"1\r\nx\r\n")
    assert len(parser.take()) == MAX_HEAD_BYTES


def test_piece_that_is_put_back_comes_first() -> None:
    """Nobody wanted it yet."""
    parser = ResponseParser()
    parser.expect()
    parser.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
    parser.put_back(parser.take())
    parser.feed(b"1\r\nb\r\n")
    assert (parser.n_buffered, parser.take(), parser.n_buffered) == (2, b"ab", 0)
