"""What a round says, and what a missing verdict may hide."""

from __future__ import annotations

import math

import pytest

from proxy.evaluation.statistics import Pairs
from proxy.operations.rollout_evidence import MARGIN
from proxy.operations.rollout_pairs import RoundPairs, pair_round


def _pair(new: str, old: str) -> RoundPairs:
    """One answer a letter: ``x`` counts, ``.`` does not, ``?`` has no verdict."""
    asked = [str(at) for at in range(len(new))]
    sides = [
        {key: letter == "x" for key, letter in zip(asked, letters, strict=True) if letter != "?"}
        for letters in (new, old)
    ]
    return pair_round(asked, *sides)


def test_missing_verdict_is_the_worst_that_it_may_be_where_one_is_missing() -> None:
    """The canary's may hide harm; the stable version's may hide that there was none."""
    found = _pair("??x.", "x.??")
    assert found.known == Pairs(0, 0, 0, 0)
    assert found.at_worst == Pairs(1, 2, 0, 1)
    assert found.missing == 4


def test_prompt_that_neither_has_a_verdict_on_says_nothing() -> None:
    """It is no difference between the two."""
    found = _pair("x.?", "x.?")
    assert (found.known, found.at_worst) == (Pairs(1, 0, 0, 1), Pairs(1, 0, 0, 1))
    assert found.missing == 1


def test_round_without_any_verdict_says_nothing() -> None:
    """Nobody answered."""
    assert _pair("?" * 40, "?" * 40).says_nothing
    assert not _pair("?" * 39 + ".", "." * 40).says_nothing


@pytest.mark.parametrize(
    ("new", "old"),
    [("?" * 11 + "x" * 29, "." * 40), ("x" * 40, "?" * 11 + "." * 29)],
    ids=["under the canary", "under the stable version"],
)
def test_outage_counts_for_taking_back_alone(new: str, old: str) -> None:
    """What was found harmful was found; that the rest was harmless would be too lucky."""
    found = _pair(new, old)
    assert found.known == Pairs(0, 29, 0, 0)
    assert found.at_worst.n == 0


def test_few_that_are_missing_are_no_outage() -> None:
    """However small the round: else it could be left out whenever it speaks against the canary."""
    assert _pair("?", ".").at_worst == Pairs(0, 1, 0, 0)
    assert _pair("?" * 7, "." * 7).at_worst == Pairs(0, 7, 0, 0)
    assert _pair("?" * 10 + "." * 30, "." * 40).at_worst == Pairs(0, 10, 0, 30)


def test_nobody_wins_by_answers_that_go_missing() -> None:
    """A version whose every answer fails with a chance of 5 % or more looks worse by 5 points.

    That is in the rounds that are left when outages are taken out, of any size: the expected share
    of missing answers in them, computed exactly.
    """
    for asked in range(1, 101):
        old = "." * asked
        left = [n for n in range(asked + 1) if _pair("?" * n + old[n:], old).at_worst.n]
        for percent in range(5, 101):
            chance = percent / 100
            weights = [math.comb(asked, n) * chance**n * (1 - chance) ** (asked - n) for n in left]
            if sum(weights) < 1e-9:
                continue  # no round is left to win by
            share = sum(n * weight for n, weight in zip(left, weights, strict=True)) / sum(weights)
            assert share / asked > 0.998 * MARGIN, (asked, percent)
