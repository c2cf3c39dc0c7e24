"""Granite Guardian: three ways to ask and two to answer."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.judges.guard_models.granite_guardian import Generation, granite_guardian
from tests.guard_transcripts import SPECIMEN, cases, check_answer, check_request


@pytest.mark.parametrize("generation", ["3", "3.3", "4"])
def test_build_sends_the_golden_request(generation: Generation) -> None:
    """A template argument up to 3.3, a block of its own in 4.1."""
    check_request(granite_guardian(generation))


@pytest.mark.parametrize("case", cases("granite_guardian_3"))
def test_words_are_read_or_refused(case: dict[str, Any]) -> None:
    """Up to 3.2."""
    check_answer(granite_guardian("3"), case)


@pytest.mark.parametrize("case", cases("granite_guardian_3.3"))
def test_scores_are_read_or_refused(case: dict[str, Any]) -> None:
    """From 3.3 on."""
    check_answer(granite_guardian("3.3"), case)


@pytest.mark.parametrize("case", cases("granite_guardian_4"))
def test_fourth_generation_is_read_or_refused(case: dict[str, Any]) -> None:
    """Scores again."""
    check_answer(granite_guardian("4"), case)


def test_another_risk_than_the_templates_default_cannot_be_left_out() -> None:
    """A server without template arguments would silently judge another risk."""
    default = granite_guardian("3").build(SPECIMEN)[0]
    other = granite_guardian("3", criterion="violence").build(SPECIMEN)[0]
    assert (default.fields, other.optional) == ({}, {})
    assert other.fields == {"chat_template_kwargs": {"guardian_config": {"risk_name": "violence"}}}
    assert granite_guardian("3").category((str(other.code),)) == "violence"


def test_criterion_in_words_goes_into_the_block() -> None:
    """4.1 judges by any criterion."""
    call = granite_guardian("4", criterion="The answer is rude.").build(SPECIMEN)[0]
    assert "### Criteria: The answer is rude.\n" in call.messages[-1]["content"]
