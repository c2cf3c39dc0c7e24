"""What people see first."""

from __future__ import annotations

from proxy.evaluation.text import as_text
from tests.proxy.evaluation.evaluations import PROMPTS, report, suite


def test_policies_stand_side_by_side() -> None:
    """Every rate, what stands beside it, and the comparison."""
    said = as_text(report())
    assert "passthrough@" in said
    assert "6/10 = 60.0 % [31.3, 83.2]        2/10 = 20.0 % [5.7, 51.0]" in said
    assert "judge's own errors removed" in said
    assert "the two disagree" in said
    assert "prompt by prompt" in said
    assert "warning: careful: 1 of 20 answers are unscored" in said


def test_a_partial_set_gets_no_headline_number() -> None:
    """Only that there is none, and how many answers are unscored."""
    said = as_text(report(suites=(suite(PROMPTS, published_n=99),)))
    assert "no overall rates: a prompt set is not whole" in said
    assert "6/10" not in said
    assert "unscored, all answers" in said
