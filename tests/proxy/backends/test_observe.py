"""From bytes to a transcript, on the side."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from proxy.backends import observe
from proxy.backends.observe import observer
from proxy.domain import Transcript, Usage

JSON = b"application/json"
SSE = b"text/event-stream; charset=utf-8"


def watch(*pieces: bytes, content_type: bytes = SSE, encoding: bytes | None = None) -> Transcript:
    """The transcript of an answer in these pieces."""
    transcript = Transcript()
    watching = observer(transcript, content_type=content_type, content_encoding=encoding)
    for piece in pieces:
        watching.feed(piece)
    watching.finish()
    return transcript


def frame(**fields: Any) -> bytes:
    """One event."""
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


def delta(text: str | None, *, index: int = 0, reason: str | None = None, **more: Any) -> bytes:
    """One chunk of a chat answer."""
    choice = {"index": index, "delta": {"content": text, **more}, "finish_reason": reason}
    return frame(model="m", choices=[choice])


STREAM = (
    delta("Grüße ")
    + b": ping\n\n"
    + delta("aus 🌍", reason="stop")
    + frame(
        choices=[],
        usage={
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    )
    + b"data: [DONE]\n\n"
)


def is_the_whole_answer(transcript: Transcript) -> bool:
    """Whether this is what STREAM says."""
    return (
        transcript.text == "Grüße aus 🌍"
        and transcript.finish_reason == "stop"
        and transcript.usage == Usage(9, 4, 5)
        and transcript.model == "m"
        and transcript.is_complete
    )


def test_stream_gives_text_reason_and_counts() -> None:
    """The plain case."""
    assert is_the_whole_answer(watch(STREAM))


def test_stream_in_single_bytes_gives_the_same() -> None:
    """Also cut inside characters."""
    assert is_the_whole_answer(watch(*(bytes([byte]) for byte in STREAM)))


def test_crlf_stream_gives_the_same() -> None:
    """As some gateways write it."""
    assert is_the_whole_answer(watch(STREAM.replace(b"\n", b"\r\n")))


def test_body_gives_text_reason_and_counts() -> None:
    """A plain answer in two pieces."""
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}
    body = json.dumps(
        {
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        }
    ).encode()
    transcript = watch(body[:10], body[10:], content_type=JSON)
    assert (transcript.text, transcript.finish_reason) == ("Hello", "length")
    assert transcript.usage == Usage(1, 2)


def test_reasoning_stays_out_of_the_text() -> None:
    """Judges see the answer alone."""
    pieces = (delta(None, reasoning_content="I think"), delta("Yes", reasoning="so", reason="stop"))
    assert watch(*pieces).text == "Yes"


def test_first_choice_only() -> None:
    """With ``n`` above one, the others are not judged."""
    pieces = (delta("a"), delta("x", index=1, reason="length"), delta("b", reason="stop"))
    transcript = watch(*pieces)
    assert (transcript.text, transcript.finish_reason) == ("ab", "stop")


def test_text_completion_is_read_too() -> None:
    """The shape of ``/v1/completions``."""
    piece = frame(choices=[{"index": 0, "text": "Hi", "finish_reason": "stop"}])
    assert watch(piece).text == "Hi"


def test_content_parts_and_refusals_are_text() -> None:
    """Content as a list of parts, and OpenAI's own refusal field."""
    parts = [{"type": "text", "text": "Hi"}, {"type": "thinking", "text": "no"}, {"type": "x"}]
    choice = {"index": 0, "delta": {"content": parts}}
    assert watch(frame(choices=[choice])).text == "Hi"
    choice = {"index": 0, "delta": {"refusal": "I cannot."}}
    assert watch(frame(choices=[choice])).text == "I cannot."


def test_tool_calls_end_with_their_reason() -> None:
    """No text, and still complete."""
    transcript = watch(delta(None, tool_calls=[{"index": 0}], reason="tool_calls"))
    assert transcript.is_complete
    assert not transcript.has_text


@pytest.mark.parametrize(
    "piece",
    [
        frame(error={"message": "busy", "code": 503}),
        frame(error="busy"),
        b'event: error\ndata: {"message": "busy"}\n\n',
        b'error: {"code": 500}\n\n',
    ],
)
def test_error_frame_is_the_providers_error(piece: bytes) -> None:
    """In a stream that began with 200."""
    transcript = watch(delta("Hel"), piece)
    assert transcript.error_type == "provider"
    assert not transcript.is_complete


def test_missing_done_behind_a_finish_reason_is_whole() -> None:
    """Some servers never send it."""
    assert watch(delta("Hi", reason="stop")).is_complete


def test_end_without_done_or_reason_is_cut_off() -> None:
    """A truncated stream is not an answer."""
    transcript = watch(delta("Hi"))
    assert transcript.error_type == "closed"


def test_done_without_a_reason_is_no_error_but_not_complete() -> None:
    """Nobody said why it stopped."""
    transcript = watch(delta("Hi"), b"data: [DONE]\n\n")
    assert transcript.error_type is None
    assert not transcript.is_complete


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b"\xff\xfe", b'{"choices": 7}', b"[" * 100_000, b"", b"null"]
)
def test_unreadable_data_is_a_protocol_error(data: bytes) -> None:
    """Never an exception: the bytes have gone to the client all the same."""
    assert watch(b"data: " + data + b"\n\n").error_type in {"protocol", "closed"}
    assert watch(data, content_type=JSON).error_type == "protocol"


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"total_tokens": 3}])
def test_odd_usage_is_not_fatal(usage: Any) -> None:
    """VLLM sends null in every chunk but the last."""
    piece = frame(choices=[{"index": 0, "delta": {"content": "a"}}], usage=usage)
    assert watch(piece, delta("b", reason="stop")).text == "ab"


@pytest.mark.parametrize(
    ("encoding", "data"),
    [(b"gzip", gzip.compress(STREAM)), (b"deflate", zlib.compress(STREAM))],
)
def test_compressed_stream_is_read(encoding: bytes, data: bytes) -> None:
    """From a server that compresses although asked not to."""
    pieces = [data[i : i + 7] for i in range(0, len(data), 7)]
    assert is_the_whole_answer(watch(*pieces, encoding=encoding))


def test_unknown_compression_is_incomplete_not_wrong() -> None:
    """It counts as unjudged."""
    transcript = watch(b"\x8b\x02\x80rubbish", encoding=b"br")
    assert not transcript.is_complete
    assert not transcript.has_text


def test_body_past_the_limit_is_not_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The side copy stays bounded."""
    monkeypatch.setattr(observe, "MAX_BODY_BYTES", 10)
    transcript = watch(b'{"choices":', b"[]}", content_type=JSON)
    assert not transcript.is_complete
