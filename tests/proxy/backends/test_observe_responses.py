"""Answers of the Responses API, read on the side."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.backends.observe import observer
from proxy.backends.observe_responses import record_response
from proxy.domain import Transcript, Usage
from tests.openai_upstream import RESPONSE, encoded, response_events

STREAM = b"text/event-stream"


def _read(body: bytes, content_type: bytes = b"application/json", size: int = 7) -> Transcript:
    transcript = Transcript()
    watch = observer(transcript, content_type=content_type, record=record_response)
    for at in range(0, len(body), size):
        watch.feed(body[at : at + size])
    watch.finish()
    return transcript


def _whole(**changed: Any) -> Transcript:
    return _read(encoded({**RESPONSE, **changed}))


def test_whole_response_is_read() -> None:
    """Text of messages only: reasoning and calls are not the answer."""
    transcript = _whole()
    assert (transcript.text, transcript.finish_reason) == ("Good day.", "stop")
    assert transcript.usage == Usage(3, 2, cached_tokens=1)
    assert transcript.model == "upstream"
    assert transcript.is_complete


@pytest.mark.parametrize("size", [1, 10_000])
def test_stream_is_read_once_though_it_tells_its_text_thrice(size: int) -> None:
    """In deltas, in a done event, and in the response at the end."""
    transcript = _read(b"".join(response_events()), STREAM, size)
    assert (transcript.text, transcript.finish_reason) == ("Good day.", "stop")
    assert transcript.usage == Usage(3, 2, cached_tokens=1)


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call"])
def test_calls_end_an_answer_as_in_a_chat(kind: str) -> None:
    """So that nobody takes it for an empty one; searches on the server are no calls."""
    assert _whole(output=[{"type": kind, "name": "add"}]).finish_reason == "tool_calls"
    assert _whole(output=[{"type": "web_search_call"}]).finish_reason == "stop"


def test_refusal_is_the_answer() -> None:
    """Whole and in deltas."""
    parts = [{"type": "refusal", "refusal": "I will not."}]
    output = [{"type": "message", "content": parts}]
    assert _whole(output=output).text == "I will not."
    delta = encoded({"type": "response.refusal.delta", "delta": "I will not."})
    assert _read(b"data: " + delta + b"\n\n", STREAM).text == "I will not."


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        (None, "length"),
    ],
)
def test_incomplete_response_says_why(details: dict[str, str] | None, reason: str) -> None:
    """In the words of a chat completion."""
    transcript = _whole(status="incomplete", incomplete_details=details)
    assert transcript.finish_reason == reason


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_response_that_is_not_there_yet_is_not_complete(status: str) -> None:
    """One in the background is fetched later, past any judge."""
    assert not _whole(status=status, output=[]).is_complete


def test_failure_is_the_providers() -> None:
    """As a status, as an event, and as OpenAI's error object."""
    failed = {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "x"}}
    assert _read(encoded(failed)).error_type == "provider"
    frame = b"data: " + encoded({"type": "response.failed", "response": failed}) + b"\n\n"
    assert _read(frame, STREAM).error_type == "provider"
    error = b'data: {"type": "error", "code": "x", "message": "y"}\n\n'
    assert _read(error, STREAM).error_type == "provider"
    assert _read(b'{"error": {"message": "x"}}').error_type == "provider"


def test_stream_that_stops_before_its_end_is_closed() -> None:
    """Whatever text had come."""
    transcript = _read(b"".join(response_events()[:-1]), STREAM)
    assert (transcript.text, transcript.error_type) == ("Good day.", "closed")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"output": 5}'])
def test_unreadable_answer_is_a_protocol_error(body: bytes) -> None:
    """And never an exception."""
    assert _read(body).error_type == "protocol"
