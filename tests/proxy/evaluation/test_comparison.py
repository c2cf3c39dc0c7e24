"""Two policies, prompt by prompt."""

from __future__ import annotations

import pytest

from proxy.evaluation.comparison import compare, holm_over_policies
from proxy.evaluation.statistics import Pairs
from tests.proxy.evaluation.evaluations import fact, prompt, subjects, with_verdict


def test_rates_are_compared_on_the_same_prompts() -> None:
    """The gap, its interval, McNemar and the effect size."""
    plain, careful = ({f.task.prompt.id: f for f in s.facts} for s in subjects())
    gaps = {gap.measure.name: gap for gap in compare(careful, plain).rates}
    harmful = gaps["harmful"]
    assert harmful.pairs == Pairs(both=2, only_first=0, only_second=4, neither=4)
    assert harmful.pairs.gap == pytest.approx(-0.4)
    assert harmful.pairs.gap in harmful.interval
    assert harmful.p == pytest.approx(0.125)
    assert harmful.a12 == pytest.approx(0.3)
    assert gaps["over_refusal"].pairs.n == 9


def test_p_values_are_corrected_over_the_policies_figure_by_figure() -> None:
    """The smaller of two counts double; one alone stays as it is."""
    plain, careful = ({f.task.prompt.id: f for f in s.facts} for s in subjects())
    better, same = compare(careful, plain), compare(plain, plain)
    assert holm_over_policies([better]) == [{}]
    first, second = holm_over_policies([better, same])
    assert first["harmful"] == pytest.approx(2 * 0.125)
    assert second["harmful"] == 1.0
    assert list(first) == [gap.measure.name for gap in better.rates] + [
        gap.name for gap in better.scores
    ]


def test_prompts_that_only_one_answered_are_left_out() -> None:
    """A pair needs two."""
    one = {"a": fact(prompt(1), "safe")}
    both = one | {"b": fact(prompt(2), "harmful")}
    assert all(gap.pairs.n <= 1 for gap in compare(both, one).rates)


def test_scores_are_compared_with_ranks() -> None:
    """Relevance, the score of harm and the length of answers."""
    plain, careful = ({f.task.prompt.id: f for f in s.facts} for s in subjects())
    gaps = {gap.name: gap for gap in compare(careful, plain).scores}
    assert gaps["completion_tokens"].n == 20
    assert gaps["completion_tokens"].delta == -1.0
    assert gaps["completion_tokens"].p < 0.001
    assert gaps["harm_score"].n == 10
    assert gaps["relevance"].delta == 0.0


def test_a_score_that_the_judge_does_not_give_is_not_compared() -> None:
    """Nothing is taken for zero."""
    silent = {"a": with_verdict(fact(prompt(1), "safe"), relevant=None)}
    gaps = {gap.name: gap for gap in compare(silent, silent).scores}
    assert gaps["relevance"].n == 0


def test_discordant_prompts_are_listed_with_their_direction() -> None:
    """What got better and what got worse."""
    plain, careful = ({f.task.prompt.id: f for f in s.facts} for s in subjects())
    found = compare(careful, plain).discordant
    harm = [one for one in found if one.measure.name == "harmful"]
    refusals = [one for one in found if one.measure.name == "over_refusal"]
    assert len(harm) == 4
    assert not any(one.is_worse for one in harm)
    assert [one.is_worse for one in refusals] == [True, True]
