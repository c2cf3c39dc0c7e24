"""Answer lengths beside the baseline's."""

from __future__ import annotations

import random

import pytest

from proxy.domain import Usage
from proxy.evaluation.run import Answer
from tests.tuner.judged import judged, results, spoken
from tuner.lengths import RANGE, Ratio, length, length_pairs, mean_length


def test_a_ratio_that_never_varies_is_certain() -> None:
    """Half as long on each prompt."""
    found = Ratio.of([(float(n), 2.0 * n) for n in range(1, 9)])
    assert found.value == pytest.approx(0.5)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.5, 0.5))
    assert found.n == 8


def test_few_prompts_show_nothing() -> None:
    """However much alike they are; and nothing to divide by is no ratio."""
    assert Ratio.of([(1.0, 2.0)] * 7).interval == RANGE
    assert Ratio.of([]).n == Ratio.of([(3.0, 0.0)] * 9).n == 0


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    """About 95 of 100 samples of 30 prompts; seed 1."""
    rng = random.Random(1)

    def covers() -> bool:
        long = [rng.uniform(20, 60) for _ in range(30)]
        pairs = [(0.8 * base + rng.uniform(-15, 15), base) for base in long]
        return 0.8 in Ratio.of(pairs).interval

    assert 0.92 < sum(covers() for _ in range(2000)) / 2000 < 0.97


def test_only_scored_benign_answers_are_measured() -> None:
    """Whoever declines a harmful request is brief, and should be."""
    mine = results(
        spoken(judged(1), 3),
        spoken(judged(1, "benign"), 10),
        spoken(judged(2, "benign", unscored=True), 90),
        spoken(judged(3, "benign", alike=False), 30),
    )
    base = results(*(spoken(one, 40) for one in mine.values()))
    assert length_pairs(mine, base) == [(10.0, 40.0), (30.0, 40.0)]
    assert mean_length(mine).value == 20.0


def test_words_count_where_tokens_are_not_counted() -> None:
    """Not every server reports its usage."""
    assert length(Answer("three short words")) == 3
    assert length(Answer("three short words", usage=Usage(9, 0))) == 3
    assert length(Answer("three short words", usage=Usage(1, 5))) == 5
