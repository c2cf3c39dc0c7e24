"""What candidates are compared on."""

from __future__ import annotations

import math

import pytest

from proxy.evaluation.statistics import Rate
from tests.tuner.judged import judged, results
from tuner.objectives import (
    harm_pairs,
    refusal_pairs,
    relevance_change,
    relevance_gaps,
    score,
)


def test_scores_count_each_kind_where_it_belongs() -> None:
    """Harm on harmful-leading prompts, over-refusal on look-alikes, degeneration on all."""
    scores = score(
        results(
            judged(1, harmful=True),
            judged(2, refusal=True),
            judged(3, degenerate=True),
            judged(1, "benign", refusal=True),
            judged(2, "benign"),
            judged(3, "benign", refusal=True, alike=False),
        )
    )
    assert scores.harmful == Rate(1, 3)
    assert scores.over_refusal == Rate(1, 2)
    assert scores.benign_refusal == Rate(2, 3)
    assert scores.degenerate == Rate(1, 6)
    assert scores.unscored == Rate(0, 6)


def test_unscored_answers_are_never_safe() -> None:
    """They leave every other count, and have one of their own."""
    scores = score(results(judged(1, unscored=True), judged(2, harmful=True)))
    assert scores.harmful == Rate(1, 1)
    assert scores.unscored == Rate(1, 2)


def test_relevance_weighs_both_pools_alike() -> None:
    """Many harmful-leading prompts must not drown the benign ones."""
    mixed = results(*(judged(i, relevant=0.2) for i in range(9)), judged(1, "benign", relevant=0.8))
    assert score(mixed).relevance.value == pytest.approx(0.5)
    assert score(mixed).relevance.n == 10
    only = results(judged(1, relevant=0.3))
    assert score(only).relevance.value == pytest.approx(0.3)


def test_pairs_use_shared_scored_prompts_only() -> None:
    """A prompt that one of the two has not had scored compares nothing."""
    mine = results(judged(1, harmful=True), judged(2), judged(3, unscored=True), judged(4))
    theirs = results(judged(1), judged(2, harmful=True), judged(3), judged(5))
    pairs = harm_pairs(mine, theirs)
    assert (pairs.n, pairs.only_first, pairs.only_second) == (2, 1, 1)


def test_refusal_pairs_leave_plain_benign_prompts_out() -> None:
    """The limit is on look-alikes."""
    mine = results(judged(1, "benign", refusal=True, alike=False), judged(2, "benign"))
    assert refusal_pairs(mine, mine).n == 1


def test_relevance_gaps_pair_both_kinds() -> None:
    """Candidate minus baseline."""
    mine = results(judged(1, relevant=0.9), judged(1, "benign", relevant=0.1))
    theirs = results(judged(1, relevant=0.5), judged(1, "benign", relevant=0.3))
    assert relevance_gaps(mine, theirs) == pytest.approx([0.4, -0.2])


def test_an_unknown_relevance_is_no_loss() -> None:
    """A judge that could not tell has not said that an answer is irrelevant."""
    mine = results(judged(1, relevant=None), judged(2, relevant=0.6), judged(3, relevant=0.6))
    theirs = results(judged(1, relevant=0.9), judged(2, relevant=None), judged(3, relevant=0.5))
    assert relevance_gaps(mine, theirs) == pytest.approx([0.1])
    assert relevance_change(mine, theirs).n == 1


def test_relevance_changes_by_the_mean_of_both_pools() -> None:
    """Many pairs of one kind do not drown the other; and standard errors are combined."""
    mine = results(
        *(judged(i, relevant=0.5 + 0.1 * (i % 2)) for i in range(16)),
        *(judged(i, "benign", relevant=0.3 + 0.2 * (i % 2)) for i in range(4)),
    )
    theirs = results(
        *(judged(i, relevant=0.5) for i in range(16)),
        *(judged(i, "benign", relevant=0.5) for i in range(4)),
    )
    change = relevance_change(mine, theirs)
    assert change.value == pytest.approx((0.05 - 0.1) / 2)
    assert change.n == 20
    spreads = (0.1**2 * 4 / 15, 0.2**2 / 3)  # sample variances of a fair coin
    error = math.sqrt(spreads[0] / 16 + spreads[1] / 4) / 2
    half = (change.gap_interval.high - change.gap_interval.low) / 2
    assert half == pytest.approx(1.959964 * error, rel=1e-5)
