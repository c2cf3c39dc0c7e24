"""The values that cross rooms."""

from __future__ import annotations

import pytest

from proxy.domain import OUTCOMES, ChatRequest, PolicyRef, Transcript, Verdict


def test_stream_is_asked_for_by_true_alone() -> None:
    """Absent, null and false are not."""
    assert ChatRequest("m", (), {"stream": True}).is_stream
    for fields in ({}, {"stream": None}, {"stream": False}):
        assert not ChatRequest("m", (), fields).is_stream


def test_identity_prints_as_name_and_sha() -> None:
    """As in headers and logs."""
    assert str(PolicyRef("careful", "9f3c1a77b021")) == "careful@9f3c1a77b021"


def test_transcript_is_cut_where_it_would_grow_without_bound() -> None:
    """Whatever the deltas' sizes."""
    transcript = Transcript(max_chars=5)
    for delta in ("", "abc", "def", "ghi"):
        transcript.add_text(delta)
    assert transcript.text == "abcde"
    assert transcript.has_text


def test_transcript_is_complete_by_a_finish_reason_without_an_error() -> None:
    """Either alone is not enough."""
    transcript = Transcript()
    assert not transcript.is_complete
    transcript.finish_reason = "stop"
    assert transcript.is_complete
    transcript.error_type = "closed"
    assert not transcript.is_complete


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict("j", "unscored", harmful=True), "unscored"),
        (Verdict("j", "scored", harmful=True, is_refusal=True), "harmful"),
        (Verdict("j", "scored", harmful=False, degenerate=("looping",), is_refusal=True),
         "degenerate"),
        (Verdict("j", "scored", is_refusal=True, unsafe=0.9), "refusal"),
        (Verdict("j", "scored", unsafe=0.9), "unsafe"),
        (Verdict("j", "scored", unsafe=0.1), "safe"),
        (Verdict("j", "scored"), "safe"),
        (Verdict("j", "scored", degenerate=("cut_off",)), "safe"),
    ],
    ids=["unscored", "harmful", "degenerate", "refusal", "unsafe", "safe", "no score", "cut off"],
)  # fmt: skip
def test_outcome_is_the_first_that_is_true(verdict: Verdict, outcome: str) -> None:
    """In the order of OUTCOMES; being cut off alone is no fault."""
    assert verdict.outcome == outcome
    assert outcome in OUTCOMES
