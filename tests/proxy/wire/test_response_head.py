"""Heads of responses: what the application gives, and nothing smuggled in."""

from __future__ import annotations

import pytest

from proxy.wire.response_head import response_head


def test_fields_go_out_in_order_with_the_status_line() -> None:
    """The reason phrase is HTTP's own."""
    head = response_head(429, [(b"retry-after", b"1"), (b"content-length", b"2")])
    lines = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 2\r\n"
    assert (head.data, head.n_body) == (lines, 2)


def test_a_status_that_nobody_knows_has_no_phrase() -> None:
    """An upstream's own."""
    assert response_head(599, []).data == b"HTTP/1.1 599 \r\n"


@pytest.mark.parametrize("name", [b"Transfer-Encoding", b"transfer-encoding", b"connection"])
def test_framing_is_the_servers_to_say(name: bytes) -> None:
    """In whatever letters."""
    assert response_head(200, [(name, b"chunked")]).data == b"HTTP/1.1 200 OK\r\n"


def test_an_application_may_end_the_connection() -> None:
    """With ``connection: close``."""
    assert response_head(200, [(b"Connection", b"Close")]).closes


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    """HTTP's own rule."""
    assert not response_head(status, []).has_body


@pytest.mark.parametrize(
    "field", [(b"a", b"1\r\nb: 2"), (b"a\n", b"1"), (b"a b", b"1"), (b"", b"")]
)
def test_a_field_cannot_bring_another_one(field: tuple[bytes, bytes]) -> None:
    """Nor anything that is no field."""
    with pytest.raises(RuntimeError, match="malformed"):
        response_head(200, [field])
