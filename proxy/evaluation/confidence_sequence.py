"""How far two paired rates differ, however often one looks: bounds that hold at every look at once.

An ordinary 95 % interval is right at one look that was planned. Whoever looks after each round and
acts on the first interval that excludes something will sooner or later be wrong. The bounds here
may be looked at after every round, for ever, and acted on at any of them.
"""

from __future__ import annotations

import math

import numpy as np

from proxy.evaluation.statistics import Interval, Pairs

_BETS = ((np.arange(64) + 0.5) / 64) ** 2
"""Shares of the capital at stake, in (0, 1): dense near 0, where small differences are found."""

_LOST = np.log1p(-_BETS)

_SECTIONS, _DEPTH = 33, 4
"""Bounds are searched in sections of sections: they are right to two millionths."""


def difference_always(pairs: Pairs, *, alpha: float = 0.05) -> Interval:
    """Bounds of ``first - second`` that hold at all looks together.

    With probability ``1 - alpha`` or more, the true difference lies within the bounds at *every*
    look; each bound alone is passed with probability ``alpha / 2`` at most. No number of looks is
    planned and none is spent: this corrects for all of them.

    How: suppose the difference were at most m. Then nobody gets rich by betting that a pair's
    difference D (1 where only the first is true, -1 where only the second is, else 0) exceeds m:
    the capital ``prod(1 + bet * (D - m))`` is a supermartingale, and by Ville's inequality it ever
    reaches ``2 / alpha`` with probability ``alpha / 2`` at most. The lower bound is the largest m
    at which it has got there. Capital is spread over many fixed bets, so that it depends on the
    table alone and not on the order of its pairs. The upper bound is the same with first and
    second swapped.

    The difference is the mean over the prompts that are drawn from. Prompts need not be alike, and
    need not be new: a look may add a whole round drawn without replacement from a fixed set, if
    each round is drawn afresh and its samplers have fresh seeds. By Hoeffding's (1963) theorem 4
    the capital expected of such a round is at most that of independent draws.

    Args:
        pairs: of all looks so far, added up.
        alpha: chance that any look's bounds are wrong.

    Source: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by
        betting, JRSS B 86:1-27; Orabona and Jun (2024), IEEE Trans. Information Theory 70:436-455,
        for the fixed mixture of bets.
    """
    target = math.log(2 / alpha)
    return Interval(
        _lower(pairs.only_first, pairs.only_second, pairs.n, target),
        -_lower(pairs.only_second, pairs.only_first, pairs.n, target),
    )


def _lower(up: int, down: int, n: int, target: float) -> float:
    """The largest difference that is still refuted; -1 where none is."""
    low, high = -1.0, 1.0
    for _ in range(_DEPTH):
        edges = np.linspace(low, high, _SECTIONS + 1)
        inner = _log_capital(up, down, n - up - down, edges[1:-1, np.newaxis])
        refuted = int((inner >= target).sum())  # the first so many: capital falls with the edge
        low, high = edges[refuted], edges[refuted + 1]
    return float(low)


def _log_capital(up: int, down: int, same: int, most: np.ndarray) -> np.ndarray:
    """Log of what 1 has become by betting that the difference exceeds ``most``; one a row."""
    bets = _BETS / (1 + most)
    won = up * np.log1p(bets * (1 - most)) + down * _LOST + same * np.log1p(-bets * most)
    best = won.max(axis=1)
    capital: np.ndarray = best + np.log(np.exp(won - best[:, np.newaxis]).mean(axis=1))
    return capital
