"""Rates, intervals and paired tests: published examples, and scipy where it is installed."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.evaluation.statistics import (
    Interval,
    Mean,
    Pairs,
    Rate,
    a12,
    a12_interval,
    cliffs_delta,
    difference,
    mcnemar,
    paired_difference,
    wilcoxon,
    wilson,
)


def test_rate_prints_counts_percent_and_interval() -> None:
    """A printed rate always carries its n and its interval."""
    assert str(Rate(12, 60)) == "12/60 = 20.0 % [11.8, 31.8]"


def test_rate_of_nothing_is_not_measured() -> None:
    """Without answers there is no rate, and everything is possible."""
    rate = Rate.of([])
    assert str(rate) == "0/0, not measured"
    assert math.isnan(rate.value)
    assert (rate.interval.low, rate.interval.high) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 4)])
def test_rate_refuses_impossible_counts(k: int, n: int) -> None:
    """More successes than answers is a bug upstream."""
    with pytest.raises(ValueError, match="0 <= k <= n"):
        Rate(k, n)


def test_wilson_at_zero_of_forty_still_allows_some() -> None:
    """None of 40 is not none."""
    assert wilson(0, 40).low == 0.0
    assert wilson(0, 40).high == pytest.approx(0.0876, abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_the_estimate_and_mirrors(counts: tuple[int, int]) -> None:
    """The interval holds the estimate, stays in [0, 1], and mirrors for the complement."""
    k, n = counts
    found, mirror = wilson(k, n), wilson(n - k, n)
    assert 0.0 <= found.low <= k / n <= found.high <= 1.0
    assert found.low == pytest.approx(1 - mirror.high)


def test_wilson_agrees_with_scipy() -> None:
    """The reference implementation, if it is here."""
    stats = pytest.importorskip("scipy.stats")
    for k, n in [(0, 9), (1, 12), (12, 60), (59, 60), (60, 60)]:
        theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k, n).low == pytest.approx(theirs.low, abs=1e-12)
        assert wilson(k, n).high == pytest.approx(theirs.high, abs=1e-12)


def test_mean_prints_interval_and_n() -> None:
    """Scores get the same honesty as rates."""
    assert str(Mean.of([0.4, 0.6, 0.5, 0.5])) == "0.500 [0.420, 0.580], n = 4"
    assert str(Mean.of([])) == "not measured"
    assert Mean.of([0.4]).interval.high == 1.0


def test_a_mean_of_differences_may_lie_below_zero() -> None:
    """Its interval is cut to what differences can be."""
    found = Mean.of([-0.4, -0.6, -0.5, -0.5]).gap_interval
    assert (found.low, found.high) == pytest.approx((-0.580, -0.420), abs=1e-3)
    assert Mean.of([0.4]).gap_interval.low == -1.0


def test_difference_matches_newcombes_example() -> None:
    """Newcombe (1998), table II, method 10: 56/70 against 48/80."""
    found = difference(Rate(56, 70), Rate(48, 80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert difference(Rate(0, 0), Rate(1, 2)).low == -1.0


def test_paired_difference_matches_a_worked_example() -> None:
    """48/50 against 38/50 on the same prompts; swapped, the interval mirrors."""
    found = paired_difference(Pairs(36, 12, 2, 0))
    assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=1e-4)
    swapped = paired_difference(Pairs(36, 2, 12, 0))
    assert (swapped.low, swapped.high) == pytest.approx((-0.3404, -0.0569), abs=1e-4)


def test_paired_difference_covers_the_truth_as_often_as_it_says() -> None:
    """2,000 simulated experiments of 30 prompts each, seed 11; 95 % within what chance allows."""
    rng = random.Random(11)
    cells = [(True, True), (True, False), (False, True), (False, False)]
    covered = 0
    for _ in range(2000):
        pairs = Pairs.of(rng.choices(cells, weights=[3, 4, 1, 2], k=30))
        covered += 0.3 in paired_difference(pairs)
    assert 0.93 < covered / 2000 < 0.985


def test_paired_difference_without_pairs_says_nothing() -> None:
    """No shared prompt, no claim."""
    assert (paired_difference(Pairs(0, 0, 0, 0)).low, Pairs.of([]).n) == (-1.0, 0)


def test_pairs_count_each_cell() -> None:
    """First and second are not swapped."""
    pairs = Pairs.of([(True, True), (True, False), (True, False), (False, True), (False, False)])
    assert (pairs.both, pairs.only_first, pairs.only_second, pairs.neither) == (1, 2, 1, 1)
    assert (str(pairs.first.k), pairs.second.k) == ("3", 2)
    assert pairs.gap == pytest.approx(0.2)


def test_mcnemar_is_the_exact_binomial_test() -> None:
    """Ten against two discordant pairs; none at all; and a large table without overflow."""
    assert mcnemar(Pairs(5, 10, 2, 5)) == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert mcnemar(Pairs(5, 0, 0, 5)) == 1.0
    assert mcnemar(Pairs(0, 1500, 1400, 0)) == pytest.approx(0.066, abs=0.01)


def test_wilcoxon_is_exact_without_ties() -> None:
    """Five differences, one negative of rank three: 2 * 5 / 32."""
    assert wilcoxon([1, 2, -3, 4, 5]) == pytest.approx(0.3125)


def test_wilcoxon_of_zeros_is_one() -> None:
    """No difference, no evidence."""
    assert wilcoxon([0.0, 0.0]) == 1.0


def test_wilcoxon_with_ties_equals_enumeration_of_signs() -> None:
    """The conditional null distribution, enumerated by hand."""
    differences = [1.0, 1.0, -1.0, 2.0, 2.0, 3.0]
    ranks = [2.0, 2.0, 2.0, 4.5, 4.5, 6.0]
    observed = sum(r for r, d in zip(ranks, differences, strict=True) if d > 0)
    sums = [
        sum(r for r, positive in zip(ranks, signs, strict=True) if positive)
        for signs in itertools.product([0, 1], repeat=6)
    ]
    tail = min(
        sum(s <= observed for s in sums) / len(sums), sum(s >= observed for s in sums) / len(sums)
    )
    assert wilcoxon(differences) == pytest.approx(min(1.0, 2 * tail))


def test_wilcoxon_agrees_with_scipy() -> None:
    """Exact for few pairs, normal for many, with ties and zeros dropped."""
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(4)
    few = [rng.gauss(0.3, 1) for _ in range(30)]
    assert wilcoxon(few) == pytest.approx(stats.wilcoxon(few, method="exact").pvalue)
    many = [float(rng.randint(-3, 4)) for _ in range(400)]
    theirs = stats.wilcoxon([d for d in many if d], method="approx", correction=False)
    assert wilcoxon(many) == pytest.approx(theirs.pvalue, rel=1e-6)


def test_mcnemar_agrees_with_scipy() -> None:
    """Every split of up to 40 discordant pairs."""
    stats = pytest.importorskip("scipy.stats")
    for n in range(1, 41):
        for k in range(n + 1):
            theirs = stats.binomtest(k, n, 0.5).pvalue
            assert mcnemar(Pairs(3, k, n - k, 5)) == pytest.approx(theirs), (k, n)


def test_effect_sizes_agree_with_scipy() -> None:
    """Mann and Whitney's U as a share of all pairs, ties included."""
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(7)
    for _ in range(20):
        first = [float(rng.randint(0, 6)) for _ in range(rng.randint(1, 30))]
        second = [float(rng.randint(1, 7)) for _ in range(rng.randint(1, 30))]
        share = stats.mannwhitneyu(first, second).statistic / (len(first) * len(second))
        assert a12(first, second) == pytest.approx(share)
        assert cliffs_delta(first, second) == pytest.approx(2 * share - 1)


def test_effect_sizes_count_ties_half() -> None:
    """A12 and Cliff's delta on a small example."""
    assert a12([1, 2, 3], [2]) == pytest.approx(0.5)
    assert a12([3, 3], [1, 2]) == 1.0
    assert cliffs_delta([3, 3], [1, 2]) == 1.0
    assert math.isnan(a12([], [1.0]))


def test_an_area_has_its_interval() -> None:
    """The worked example of Hanley and McNeil: an area of .893 from 51 and 58, error .032."""
    interval = a12_interval(0.893, 51, 58)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.032, abs=0.003)
    assert a12_interval(1.0, 30, 60) == Interval(0.9, 1.0)
    assert a12_interval(0.0, 2, 2) == Interval(0.0, 1.0)


def test_tables_of_pairs_add_up() -> None:
    """Rounds of one comparison, say."""
    assert Pairs(1, 2, 3, 4) + Pairs(10, 20, 30, 40) == Pairs(11, 22, 33, 44)
