"""Rates and means with their intervals, and paired tests: what may be said of counted answers.

Plain formulas on plain numbers; every number that GuardTune prints as a result goes through
:class:`Rate` or :class:`Mean`, so none appears without its n and its 95 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""

_EXACT_UP_TO = 100
"""Pairs up to which the signed-rank test enumerates its null distribution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, in the unit of what it belongs to."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Rate:
    """``k`` of ``n`` answers; prints as ``12/60 = 20.0 % [11.8, 31.8]``.

    Raises:
        ValueError: unless 0 ≤ k ≤ n.
    """

    k: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.n:
            raise ValueError(f"a rate needs 0 <= k <= n, not {self.k}/{self.n}")

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Rate:
        """The share of outcomes that are true."""
        flags = list(outcomes)
        return cls(sum(flags), len(flags))

    @property
    def value(self) -> float:
        """The point estimate in [0, 1]; NaN while nothing has been counted."""
        return self.k / self.n if self.n else math.nan

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval."""
        return wilson(self.k, self.n)

    def __str__(self) -> str:
        if not self.n:
            return "0/0, not measured"
        bounds = f"[{100 * self.interval.low:.1f}, {100 * self.interval.high:.1f}]"
        return f"{self.k}/{self.n} = {100 * self.value:.1f} % {bounds}"


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of ``n`` scores in [0, 1]; prints as ``0.512 [0.480, 0.544], n = 120``."""

    value: float
    n: int
    deviation: float

    @classmethod
    def of(cls, scores: Sequence[float]) -> Mean:
        """Mean and sample standard deviation; NaN and 0 for no scores."""
        if not scores:
            return cls(math.nan, 0, 0.0)
        deviation = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
        return cls(float(np.mean(scores)), len(scores), deviation)

    @property
    def interval(self) -> Interval:
        """Normal 95 % interval cut to [0, 1]; all of [0, 1] for fewer than two scores."""
        return self._within(0.0, 1.0)

    @property
    def gap_interval(self) -> Interval:
        """The same for a mean of paired differences, which lie in [-1, 1]."""
        return self._within(-1.0, 1.0)

    def _within(self, least: float, most: float) -> Interval:
        if self.n < 2:  # noqa: PLR2004 - one score has no spread
            return Interval(least, most)
        half = Z95 * self.deviation / math.sqrt(self.n)
        return Interval(max(least, self.value - half), min(most, self.value + half))

    def __str__(self) -> str:
        if not self.n:
            return "not measured"
        return f"{self.value:.3f} [{self.interval.low:.3f}, {self.interval.high:.3f}], n = {self.n}"


def wilson(k: float, n: int, *, z: float = Z95) -> Interval:
    """Wilson's score interval for k successes of n; all of [0, 1] for n = 0.

    An estimated count need not be whole.

    Source: Wilson (1927), JASA 22:209-212.
    """
    if not n:
        return Interval(0.0, 1.0)
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(low, high)


def difference(first: Rate, second: Rate) -> Interval:
    """95 % interval of ``first - second`` for two independent rates.

    Source: Newcombe (1998), Statistics in Medicine 17:873-890, method 10.
    """
    if not first.n or not second.n:
        return Interval(-1.0, 1.0)
    gap = first.value - second.value
    a, b = first.interval, second.interval
    return Interval(
        gap - math.hypot(first.value - a.low, b.high - second.value),
        gap + math.hypot(a.high - first.value, second.value - b.low),
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two yes/no outcomes on each of n prompts, as a two-by-two table.

    Args:
        both: prompts where both are true.
        only_first: true in the first, false in the second.
        only_second: false in the first, true in the second.
        neither: prompts where both are false.
    """

    both: int
    only_first: int
    only_second: int
    neither: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[bool, bool]]) -> Pairs:
        """Count (first, second) outcomes, one pair a prompt."""
        table = list(pairs)
        counts = [
            table.count(cell)
            for cell in ((True, True), (True, False), (False, True), (False, False))
        ]
        return cls(*counts)

    def __add__(self, other: Pairs) -> Pairs:
        """Both tables together."""
        return Pairs(
            self.both + other.both,
            self.only_first + other.only_first,
            self.only_second + other.only_second,
            self.neither + other.neither,
        )

    @property
    def n(self) -> int:
        """Prompts."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def first(self) -> Rate:
        """The first outcome's rate."""
        return Rate(self.both + self.only_first, self.n)

    @property
    def second(self) -> Rate:
        """The second outcome's rate."""
        return Rate(self.both + self.only_second, self.n)

    @property
    def gap(self) -> float:
        """``first - second``, in [-1, 1]; NaN for no pairs."""
        return self.first.value - self.second.value

    @property
    def gaps(self) -> list[float]:
        """``first - second`` of each prompt, in no order that means anything."""
        equal = self.both + self.neither
        return [1.0] * self.only_first + [-1.0] * self.only_second + [0.0] * equal


def paired_difference(pairs: Pairs) -> Interval:
    """95 % interval of ``first - second`` on the same prompts.

    Source: Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10.
    """
    if not pairs.n:
        return Interval(-1.0, 1.0)
    p, q, phi = pairs.first, pairs.second, _phi(pairs)
    down = (p.value - p.interval.low, q.interval.high - q.value)
    up = (p.interval.high - p.value, q.value - q.interval.low)
    return Interval(pairs.gap - _correlated(*down, phi), pairs.gap + _correlated(*up, phi))


def _phi(pairs: Pairs) -> float:
    """The correlation of the two outcomes, continuity-corrected when positive."""
    rows = (pairs.both + pairs.only_first) * (pairs.only_second + pairs.neither)
    columns = (pairs.both + pairs.only_second) * (pairs.only_first + pairs.neither)
    if not rows * columns:
        return 0.0
    excess: float = pairs.both * pairs.neither - pairs.only_first * pairs.only_second
    if excess > 0:
        excess = max(0.0, excess - pairs.n / 2)
    return excess / math.sqrt(rows * columns)


def _correlated(x: float, y: float, phi: float) -> float:
    return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))


def mcnemar(pairs: Pairs) -> float:
    """Exact two-sided p-value that both rates are equal on the same prompts (McNemar, 1947)."""
    n = pairs.only_first + pairs.only_second
    tail = sum(math.comb(n, i) for i in range(min(pairs.only_first, pairs.only_second) + 1))
    return min(1.0, 2 * tail / (1 << n))


def wilcoxon(differences: Sequence[float]) -> float:
    """Two-sided p-value of the signed-rank test that paired differences centre on zero.

    Zeros are dropped and ties share their mean rank. The null distribution is exact, ties
    included, up to a hundred pairs, and normal with tie correction above.

    Source: Wilcoxon (1945); Pratt and Gibbons (1981), chapter 3, for the conditional test.
    """
    nonzero = np.asarray([d for d in differences if d != 0.0], dtype=float)
    if not nonzero.size:
        return 1.0
    ranks = _mean_ranks(np.abs(nonzero))
    positive = float(ranks[nonzero > 0].sum())
    if nonzero.size <= _EXACT_UP_TO:
        return _exact_signed_rank(ranks, positive)
    spread = math.sqrt(float((ranks**2).sum()) / 4)
    z = (positive - float(ranks.sum()) / 2) / spread
    return math.erfc(abs(z) / math.sqrt(2))


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: np.ndarray = (last - (counts - 1) / 2)[group]
    return ranks


def _exact_signed_rank(ranks: np.ndarray, positive: float) -> float:
    """Convolve over all sign assignments; ranks are doubled so that mean ranks are whole."""
    doubled = np.rint(2 * ranks).astype(int)
    mass = np.zeros(int(doubled.sum()) + 1)
    mass[0] = 1.0
    for rank in doubled:
        shifted = np.zeros_like(mass)
        shifted[rank:] = mass[: mass.size - rank]
        mass = (mass + shifted) / 2
    observed = round(2 * positive)
    lower, upper = float(mass[: observed + 1].sum()), float(mass[observed:].sum())
    return min(1.0, 2 * min(lower, upper))


def a12(first: Sequence[float], second: Sequence[float]) -> float:
    """Chance that a value of ``first`` exceeds one of ``second``, ties counting half.

    0.56, 0.64 and 0.71 are called small, medium and large; NaN if either is empty.

    Source: Vargha and Delaney (2000), J. Educational and Behavioral Statistics 25:101-132.
    """
    if not first or not second:
        return math.nan
    values, rivals = np.asarray(first, dtype=float), np.sort(np.asarray(second, dtype=float))
    below = np.searchsorted(rivals, values, side="left").sum()
    up_to = np.searchsorted(rivals, values, side="right").sum()
    return float(below + up_to) / (2 * values.size * rivals.size)


def a12_interval(area: float, n_first: int, n_second: int) -> Interval:
    """The 95 % interval of :func:`a12`, which is the area under a ROC curve.

    Args:
        area: what ``a12`` gave, in [0, 1].
        n_first: values of ``first``, those that should be larger; at least 1.
        n_second: of ``second``.

    Source: Hanley and McNeil (1982), Radiology 143:29-36. At 0 and 1, where that has no width, the
    rule of three on the smaller side (Hanley and Lippman-Hand, 1983, JAMA 249:1743-1745).
    """
    least = min(1.0, 3 / min(n_first, n_second))
    if area in (0.0, 1.0):
        return Interval(0.0, least) if area == 0.0 else Interval(1 - least, 1.0)
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    variance = (
        area * (1 - area) + (n_first - 1) * (q1 - area * area) + (n_second - 1) * (q2 - area * area)
    ) / (n_first * n_second)
    half = Z95 * math.sqrt(variance)
    return Interval(max(0.0, area - half), min(1.0, area + half))


def cliffs_delta(first: Sequence[float], second: Sequence[float]) -> float:
    """Cliff's delta in [-1, 1]: ``2 * a12 - 1``."""
    return 2 * a12(first, second) - 1
