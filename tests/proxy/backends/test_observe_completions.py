"""Chunks of completions, one by one and many at once."""

from __future__ import annotations

import pytest

from proxy.backends.observe_completions import record_completion, record_completions
from proxy.domain import Transcript, Usage

ONE = b'{"model":"m","choices":[{"index":0,"delta":{"content":"a\\n\\ndata: b"}}]}'
OTHER = b'{"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"text":"c"}]}'
LAST = (
    b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":2}}'
)


def events(*data: bytes) -> bytes:
    """Events of one line each."""
    return b"".join(b"data: %b\n\n" % one for one in data)


def test_many_at_once_say_what_they_say_one_by_one() -> None:
    """Text, reason and counts; other choices than the first are left out."""
    single, together = Transcript(), Transcript()
    for data in (ONE, OTHER, LAST):
        record_completion(single, data)
    assert record_completions(together, events(ONE, OTHER, LAST))
    for transcript in (single, together):
        assert transcript.text == "a\n\ndata: bc"
        assert (transcript.model, transcript.finish_reason) == ("m", "stop")
        assert transcript.usage == Usage(1, 2)


@pytest.mark.parametrize(
    "odd", [b"{", b"[]", b"{},{}", b"null", b'{"choices":"x"}', b'"\xff"', b"[" * 100_000]
)
def test_what_is_no_chunk_is_left_to_be_read_alone(odd: bytes) -> None:
    """Nothing of its neighbours is taken twice."""
    transcript = Transcript()
    assert not record_completions(transcript, events(ONE, odd, LAST))
    assert not transcript.has_text
    assert transcript.finish_reason is None
