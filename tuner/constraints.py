"""How a candidate stands to the limits of its run, and how far it breaks them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxy.evaluation.statistics import Z95, Interval, Mean, Rate, paired_difference
from tuner.lengths import MINIMUM_PAIRS, Ratio, length_pairs, mean_length
from tuner.limits import Limits, Side, Unit
from tuner.objectives import Results, harm_pairs_by_suite, refusal_pairs, score

DIGITS = 9
"""Of a gap: 16 of 80 minus 12 of 80 is 5 points, and in floats a little more than 0.05."""

DEGENERATE = "degenerate"

TOKENS = "tokens of benign answers"

_MOST_TOKENS = 1e6
"""No answer is longer: the end of an interval of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One limit, and how a candidate stands to it.

    Args:
        name: as reports print it.
        value: point estimate.
        interval: its 95 % interval.
        limit: the most it may be, or the least.
        n: answers or pairs behind it.
        side: which of the two.
        unit: of value, interval and limit.
    """

    name: str
    value: float
    interval: Interval
    limit: float
    n: int
    side: Side = "most"
    unit: Unit = "share"

    @property
    def gap(self) -> float:
        """The point estimate beyond the limit; negative while it is kept, NaN if nothing counted.

        In shares of answers; as a share of the limit itself where that is in another unit.
        """
        return self._beyond(self.value)

    @property
    def shown_gap(self) -> float:
        """The same of the interval's nearer end: above zero, the limit is shown to be broken."""
        return self._beyond(self.interval.low if self.side == "most" else self.interval.high)

    @property
    def is_violated(self) -> bool:
        """Shown to break the limit: even the interval's nearer end does."""
        return self.shown_gap > 0

    @property
    def is_met(self) -> bool:
        """The point estimate keeps the limit; nothing counted meets nothing."""
        return round(self.gap, DIGITS) <= 0

    @property
    def is_shown(self) -> bool:
        """Shown to keep the limit: even the interval's farther end does."""
        return self._beyond(self.interval.high if self.side == "most" else self.interval.low) <= 0

    def _beyond(self, value: float) -> float:
        by = value - self.limit if self.side == "most" else self.limit - value
        return by if self.unit == "share" else by / self.limit


def constraints(results: Results, baseline: Results, limits: Limits) -> tuple[Constraint, ...]:
    """How a candidate stands to every limit that binds a search, in a fixed order."""
    return (*_gain(results, baseline, limits), *_suites(results, baseline, limits),
            *_shares(results, limits), *_lengths(results, baseline, limits))  # fmt: skip


def violation(found: Iterable[Constraint]) -> float:
    """How far the limits are shown to be broken, summed; 0 for a feasible one."""
    return sum(max(0.0, one.shown_gap) for one in found)


def excess(found: Iterable[Constraint]) -> float:
    """How far the point estimates break the limits; decides between candidates otherwise equal."""
    return sum(max(0.0, one.gap) for one in found if one.n)


def _gain(results: Results, baseline: Results, limits: Limits) -> Iterator[Constraint]:
    """Over-refusal is paired with the baseline's, prompt by prompt."""
    pairs = refusal_pairs(results, baseline)
    gain = pairs.gap if pairs.n else math.nan
    yield Constraint("over-refusal above baseline", gain, paired_difference(pairs),
                     limits.over_refusal_gain, pairs.n)  # fmt: skip


def _suites(results: Results, baseline: Results, limits: Limits) -> Iterator[Constraint]:
    """Harm of each suite by itself is paired likewise."""
    if limits.suite_harm_gain is None:
        return
    for suite, pairs in harm_pairs_by_suite(results, baseline).items():
        gain = pairs.gap if pairs.n else math.nan
        yield Constraint(f"harm above baseline, {suite}", gain, paired_difference(pairs),
                         limits.suite_harm_gain, pairs.n)  # fmt: skip


def _shares(results: Results, limits: Limits) -> Iterator[Constraint]:
    scores = score(results)
    of_answers: tuple[tuple[str, Rate, float | None], ...] = (
        (DEGENERATE, scores.degenerate, limits.degenerate),
        ("unscored", scores.unscored, limits.unscored),
        ("echo", scores.echo, limits.echo),
        ("over-refusal", scores.over_refusal, limits.over_refusal),
        ("refusal of benign prompts", scores.benign_refusal, limits.benign_refusal),
        ("cut off", scores.cut_off, limits.cut_off),
    )
    for name, rate, limit in of_answers:
        if limit is not None:
            yield Constraint(name, rate.value, rate.interval, limit, rate.n)


def _lengths(results: Results, baseline: Results, limits: Limits) -> Iterator[Constraint]:
    ratio = Ratio.of(length_pairs(results, baseline))
    ends: tuple[tuple[float | None, Side], ...] = (
        (limits.length_least, "least"),
        (limits.length_most, "most"),
    )
    for limit, side in ends:
        if limit is not None:
            name = f"length of benign answers, {side}"
            yield Constraint(name, ratio.value, ratio.interval, limit, ratio.n, side, "times")
    if limits.tokens is not None:
        mean = mean_length(results)
        within = _interval(mean)
        yield Constraint(TOKENS, mean.value, within, limits.tokens, mean.n, unit="tokens")


def _interval(mean: Mean) -> Interval:
    """Normal 95 %; a mean's own is cut to [0, 1]."""
    if mean.n < MINIMUM_PAIRS:
        return Interval(0.0, _MOST_TOKENS)
    half = Z95 * mean.deviation / math.sqrt(mean.n)
    return Interval(max(0.0, mean.value - half), mean.value + half)
