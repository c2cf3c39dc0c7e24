"""How figures are written."""

from __future__ import annotations

import pytest

from proxy.evaluation.wording import (
    beside,
    cost_text,
    gap_text,
    p_value,
    points,
    score_text,
    terms,
    title,
    written,
)
from tests.proxy.evaluation.evaluations import report

NOTHING = {"k": 0, "n": 0, "value": None, "low": 0.0, "high": 1.0}


def test_a_rate_and_a_mean_carry_n_and_interval() -> None:
    """Nothing is written without them."""
    rates = report()["policies"][1]["rates"]
    assert written("harmful", rates["harmful"]) == "2/10 = 20.0 % [5.7, 51.0]"
    assert written("relevance_benign", rates["relevance_benign"]).endswith("n = 9")


def test_what_was_not_measured_is_said_so() -> None:
    """And is not written as zero."""
    assert written("harmful", NOTHING) == "0/0, not measured"
    assert written("relevance_benign", NOTHING) == "not measured"
    assert gap_text({"gap": None}) == score_text({"n": 0}) == "not measured"
    assert cost_text({"answers": 0}) == "no whole answers"


def test_what_stands_beside_a_rate() -> None:
    """The corrected rate, the second judge's, and how often the two disagree."""
    labels = dict(beside(report()["policies"][0]["rates"]["harmful"]))
    assert list(labels) == ["judge's own errors removed", "second judge", "the two disagree"]
    assert labels["judge's own errors removed"].startswith("71.4 % [")
    assert labels["second judge"].startswith("5/10 = 50.0 %")
    assert labels["the two disagree"].startswith("1/10 = 10.0 %")


def test_a_correction_that_is_not_known_says_why() -> None:
    """A judge measured on nothing corrects nothing."""
    figure = {"corrected": {"value": None, "low": 0.0, "high": 1.0, "note": "too few answers"}}
    assert dict(beside(figure)) == {"judge's own errors removed": "not known: too few answers"}


def test_a_paired_difference_in_one_line() -> None:
    """Points, interval, n, both kinds of discordance, p and effect size."""
    comparison = report()["comparisons"][0]
    gap = comparison["rates"]["harmful"]
    said = gap_text(gap)
    assert said.startswith("-40.0 points [")
    assert said.endswith("n = 10; only here 0, only there 4; McNemar p = 0.12; A12 = 0.30")
    assert "McNemar p = 0.12 (Holm 0.25);" in gap_text({**gap, "holm_p": 0.25})
    assert "McNemar p < 0.0001;" in gap_text({**gap, "mcnemar_p": 1e-9})
    tokens = score_text(comparison["scores"]["completion_tokens"])
    assert tokens.startswith("6 against 8, n = 20; Wilcoxon p < 0.0001")
    assert tokens.endswith("Cliff's delta = -1.00")


@pytest.mark.parametrize(("p", "said"), [(0.5, "0.5"), (0.0123, "0.012"), (1e-9, "< 0.0001")])
def test_p_values_are_short(p: float, said: str) -> None:
    """Two digits."""
    assert p_value(p) == said


def test_points_have_a_sign() -> None:
    """Shares become percentage points."""
    assert (points(0.05), points(-0.123)) == ("+5.0", "-12.3")


def test_the_title_says_what_was_asked_of_what() -> None:
    """And the terms say how it was judged."""
    made = report()
    assert title(made) == (
        "toy on 10 harmful-leading and 10 benign prompts (5 of them look-alikes) of made, split "
        "test"
    )
    assert "judge judge-0, second judge judge-1; seed 1; at most 64 tokens" in terms(made)


def test_tokens_and_time() -> None:
    """Totals, means and quantiles."""
    said = cost_text(report()["policies"][0]["cost"])
    assert said == (
        "160 tokens, 8.0 an answer, 100 of prompts; 0.10 s in the median, "
        "0.10 s at the 95th percentile"
    )
