"""How a broken stream ends."""

from __future__ import annotations

import pytest

from proxy.wire.sse import error_frame, is_stream

BODY = b'{"error":{}}'


@pytest.mark.parametrize("after", [b"", b"\n\n", b"data: x\n\n"])
def test_error_frame_after_a_whole_frame(after: bytes) -> None:
    """Exactly one frame."""
    assert error_frame(BODY, after=after) == b'data: {"error":{}}\n\n'


def test_error_frame_closes_a_frame_that_was_cut_off() -> None:
    """The error must not become part of the broken frame's data."""
    assert error_frame(BODY, after=b"cho") == b'\n\ndata: {"error":{}}\n\n'


def test_stream_is_known_by_its_content_type() -> None:
    """Parameters such as a charset do not matter."""
    assert is_stream(((b"content-type", b"text/event-stream; charset=utf-8"),))
    assert not is_stream(((b"content-type", b"application/json"),))
    assert not is_stream(())
