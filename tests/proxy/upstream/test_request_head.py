"""A request's head says what was meant and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamError
from proxy.upstream.request_head import header_block, request_head


def test_head_of_a_post() -> None:
    """Line, host, the caller's fields in their order, length."""
    head = request_head("POST", b"/v1/x?y=1", b"h:81", ((b"x-b", b"2"), (b"x-a", b"")), 12)
    assert head == (
        b"POST /v1/x?y=1 HTTP/1.1\r\nhost: h:81\r\nx-b: 2\r\nx-a: \r\ncontent-length: 12\r\n\r\n"
    )


@pytest.mark.parametrize(("method", "has_length"), [("POST", True), ("GET", False)])
def test_only_a_get_says_nothing_of_an_empty_body(method: str, *, has_length: bool) -> None:
    """Some servers wait for the body of a POST without a length."""
    assert (b"content-length: 0\r\n" in request_head(method, b"/", b"h", (), 0)) is has_length


@pytest.mark.parametrize("method", ["", "get", "GET /", "GET\r\n"])
def test_no_method_is_refused(method: str) -> None:
    """Nothing is sent."""
    with pytest.raises(UpstreamError) as caught:
        request_head(method, b"/", b"h", (), 0)
    assert not caught.value.is_sent


@pytest.mark.parametrize(
    "field",
    [
        (b"x", b"a\r\nb: c"),
        (b"x", b"a\n"),
        (b"x", b"a\r"),
        (b"x", b"a\x00"),
        (b"x\r\ny", b""),
        (b"x: y\r\nz", b""),
        (b"x:", b""),
        (b"", b""),
        (b"\xc3\xa9", b""),
        (b"Host", b"other"),
        (b"content-length", b"0"),
        (b"Transfer-Encoding", b"chunked"),
        (b"connection", b"close"),
    ],
)
def test_field_that_says_more_than_one_thing_is_refused(field: tuple[bytes, bytes]) -> None:
    """Injected lines, and fields that decide where the request goes and ends."""
    with pytest.raises(UpstreamError):
        header_block(((b"a", b"1"), field, (b"b", b"2")))


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=12)), max_size=4))
def test_accepted_block_has_one_line_a_field(fields: list[tuple[bytes, bytes]]) -> None:
    """Whatever the bytes are."""
    try:
        block = header_block(tuple(fields))
    except UpstreamError:
        return
    assert block.split(b"\r\n") == [*(name + b": " + value for name, value in fields), b""]
