"""What a writer is asked."""

from __future__ import annotations

from tuner.writing.request import INSTRUCTIONS, MAX_WORDS, to_merge, to_reflect, to_rephrase


def test_the_cap_that_guards_hold_is_said_beforehand() -> None:
    """A writer cannot keep what it has not been told."""
    assert f"at most {MAX_WORDS} words" in INSTRUCTIONS
    assert "<prompt>" in INSTRUCTIONS


def test_texts_are_told_from_what_is_asked_of_them() -> None:
    """Each between marks of its own."""
    assert to_rephrase("Be kind.").count("<text>\nBe kind.\n</text>") == 1
    assert to_merge(["Be kind.", "Be brief."]).count("<text>") == 2


def test_there_may_be_no_text_yet() -> None:
    """A policy of demonstrations alone is reflected on all the same."""
    assert "There is no passage yet." in to_reflect("", "It did harm.")
    assert "<text>" not in to_reflect("", "It did harm.")
    assert "It did harm." in to_reflect("Be kind.", "It did harm.")
