"""Bounds that hold at every look: whoever acts on the first one that speaks is rarely wrong."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.evaluation.confidence_sequence import difference_always
from proxy.evaluation.statistics import Pairs, paired_difference

RUNS = 120
LOOKS = 8
ROUND = 40


def _ever_wrong(draw_round: object, difference: float, *, seed: int = 1) -> tuple[float, float]:
    """Share of runs in which a lower, and an upper bound ever lies beyond the true difference."""
    random = np.random.default_rng(seed)
    too_high = too_low = 0
    for _ in range(RUNS):
        pairs, lows, highs = Pairs(0, 0, 0, 0), [], []
        for _ in range(LOOKS):
            pairs += draw_round(random)  # type: ignore[operator]  # a function of a generator
            bounds = difference_always(pairs)
            lows.append(bounds.low)
            highs.append(bounds.high)
        too_high += max(lows) > difference
        too_low += min(highs) < difference
    return too_high / RUNS, too_low / RUNS


def _independent(random: np.random.Generator) -> Pairs:
    """A round of equal versions that differ on a third of the prompts."""
    first, second, both, neither = random.multinomial(ROUND, [1 / 6, 1 / 6, 1 / 6, 1 / 2])
    return Pairs(int(both), int(first), int(second), int(neither))


def _of_a_fixed_set(random: np.random.Generator) -> Pairs:
    """A round of 40 of the same 60 prompts; answers never vary, 10 favour either version."""
    differences = np.repeat([1, -1, 0], [10, 10, 40])
    drawn = random.permutation(differences)[:ROUND]
    up, down = int((drawn == 1).sum()), int((drawn == -1).sum())
    return Pairs(0, up, down, ROUND - up - down)


def _at_the_margin(random: np.random.Generator) -> Pairs:
    """A round in which the first version is worse by just five points."""
    first, second, neither = random.multinomial(ROUND, [0.15, 0.10, 0.75])
    return Pairs(0, int(first), int(second), int(neither))


@pytest.mark.parametrize(
    ("draw_round", "difference"),
    [(_independent, 0.0), (_of_a_fixed_set, 0.0), (_at_the_margin, 0.05)],
    ids=["equal", "equal on a fixed set", "worse by the margin"],
)
def test_bounds_are_rarely_wrong_at_any_of_many_looks(
    draw_round: object, difference: float
) -> None:
    """2.5 % each was promised: 120 runs show at most 8 with 99 % chance if it is just that."""
    too_high, too_low = _ever_wrong(draw_round, difference)
    assert too_high <= 8 / RUNS
    assert too_low <= 8 / RUNS


def test_ordinary_interval_would_be_wrong_more_often_than_promised() -> None:
    """The reason for all this: looking eight times at 95 % intervals."""
    random = np.random.default_rng(2)
    wrong = 0
    for _ in range(RUNS):
        pairs, lows = Pairs(0, 0, 0, 0), []
        for _ in range(LOOKS):
            pairs += _independent(random)
            lows.append(paired_difference(pairs).low)
        wrong += max(lows) > 0
    assert wrong / RUNS > 0.05


def test_clear_difference_is_found_within_a_round() -> None:
    """14 of 40 prompts worse and 1 better needs no second round."""
    assert difference_always(Pairs(4, 14, 1, 21)).low > 0


def test_equal_versions_come_within_five_points() -> None:
    """Given rounds enough; here they never differ."""
    assert difference_always(Pairs(0, 0, 0, 60)).high > 0.05
    assert difference_always(Pairs(0, 0, 0, 200)).high < 0.05


def test_swapping_the_versions_mirrors_the_bounds() -> None:
    """Better is worse seen from the other side."""
    bounds = difference_always(Pairs(3, 9, 2, 26))
    mirrored = difference_always(Pairs(3, 2, 9, 26))
    assert (bounds.low, bounds.high) == pytest.approx((-mirrored.high, -mirrored.low))


def test_nothing_counted_says_nothing() -> None:
    """All of [-1, 1]."""
    bounds = difference_always(Pairs(0, 0, 0, 0))
    assert (bounds.low, bounds.high) == (-1.0, 1.0)


def test_more_confidence_needs_wider_bounds() -> None:
    """And the estimate stays inside."""
    pairs = Pairs(3, 9, 2, 26)
    wide, narrow = difference_always(pairs, alpha=0.01), difference_always(pairs, alpha=0.1)
    assert wide.low < narrow.low < pairs.gap < narrow.high < wide.high


@pytest.mark.parametrize("pairs", [Pairs(0, 50, 0, 0), Pairs(0, 0, 50, 0), Pairs(50, 0, 0, 0)])
def test_bounds_stay_where_differences_can_be(pairs: Pairs) -> None:
    """Also where all pairs say the same."""
    bounds = difference_always(pairs)
    assert -1 <= bounds.low <= pairs.gap <= bounds.high <= 1
