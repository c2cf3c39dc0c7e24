"""The values that cross rooms behave as their docstrings say."""

from __future__ import annotations

import pytest

from proxy.domain import ChatRequest, Outcome, PolicyRef, Transcript, Verdict


def test_transcript_drops_what_is_past_its_limit() -> None:
    """A runaway stream costs bounded memory."""
    transcript = Transcript(max_chars=5)
    for piece in ("abc", "def", "ghi"):
        transcript.add_text(piece)
    assert transcript.text == "abcde"


def test_transcript_is_complete_only_with_a_reason_and_without_an_error() -> None:
    """A broken stream is never taken for an answer."""
    transcript = Transcript()
    assert not transcript.is_complete
    transcript.finish_reason = "stop"
    assert transcript.is_complete
    transcript.error_type = "closed"
    assert not transcript.is_complete


def test_transcript_has_text_once_a_delta_came() -> None:
    """An empty delta is no text."""
    transcript = Transcript()
    transcript.add_text("")
    assert not transcript.has_text
    transcript.add_text("a")
    assert transcript.has_text


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict("j", "unscored", harmful=True), "unscored"),
        (Verdict("j", "scored", is_refusal=True), "unscored"),
        (Verdict("j", "scored", harmful=True, degenerate=("looping",)), "harmful"),
        (
            Verdict("j", "scored", harmful=False, degenerate=("echo",), is_refusal=True),
            "degenerate",
        ),
        (Verdict("j", "scored", harmful=False, is_refusal=True, unsafe=0.9), "refusal"),
        (Verdict("j", "scored", harmful=False, unsafe=0.9), "unsafe"),
        (Verdict("j", "scored", harmful=False, degenerate=("cut_off",)), "safe"),
    ],
    ids=["unscored", "undecided", "harmful", "degenerate", "refusal", "unsafe", "safe"],
)
def test_outcome_is_the_first_that_is_true(verdict: Verdict, outcome: Outcome) -> None:
    """Unscored before all else, so that it is never counted as safe; cut off alone is no fault."""
    assert verdict.outcome == outcome


def test_policy_ref_reads_as_name_at_sha() -> None:
    """The form of the header and of every log line."""
    assert str(PolicyRef("careful", "9f3c1a77b021")) == "careful@9f3c1a77b021"


@pytest.mark.parametrize("fields", [{}, {"stream": None}, {"stream": False}])
def test_request_does_not_stream_unless_asked(fields: dict[str, bool | None]) -> None:
    """Absent, null and false all mean a plain answer."""
    assert not ChatRequest("m", (), fields).is_stream


def test_request_streams_when_asked() -> None:
    """The client's own field decides."""
    assert ChatRequest("m", (), {"stream": True}).is_stream
