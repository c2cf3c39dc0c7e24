"""Two versions' answers of one round, pair by pair, and what the missing ones may have been."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from proxy.evaluation.statistics import Pairs

MOST_MISSING = 0.25
"""Share of a version's answers in one round that may lack a verdict; above it the round was an
outage."""

FEW = 8
"""So few missing answers are never an outage: they may as well be what a version cannot do."""


@dataclass(frozen=True, slots=True)
class RoundPairs:
    """What one round says about one rate.

    Args:
        known: pairs with two verdicts.
        at_worst: those, and the others as if each missing verdict were the worst for the canary;
            empty where the round was an outage.
        missing: pairs without two verdicts.
    """

    known: Pairs
    at_worst: Pairs
    missing: int

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to be learned from it."""
        return not self.known.n and not self.at_worst.n


def pair_round(
    asked: Collection[str], new: Mapping[str, bool], old: Mapping[str, bool]
) -> RoundPairs:
    """Pair the answers to one kind of prompts.

    A verdict that is missing for the canary may hide what counts against it, and a canary must not
    win by that: such a pair counts as if it did, and one that misses the stable version's as if
    that did not. A prompt on which both lack a verdict says nothing about their difference.

    An outage hits most of a round, and what a version cannot do hits its answers one by one. So a
    round in which more than a quarter of one version's answers are missing is none, as far as
    promotion goes. A version whose every answer fails with a chance of over 5 % is not promoted by
    that: to lose that many answers by chance is too rare for the rounds that are left to look good.
    Where it fails more often there are no rounds left. What was found *harmful* counts even then.

    Args:
        asked: ids of the round's prompts of this kind.
        new: id → whether the canary's answer counts, for each that has a verdict.
        old: likewise of the stable version.
    """
    either = [key for key in asked if key in new or key in old]
    known = Pairs.of((new[key], old[key]) for key in either if key in new and key in old)
    is_outage = any(_is_outage(len(asked) - len(answered), len(asked)) for answered in (new, old))
    at_worst = Pairs.of((new.get(key, True), old.get(key, False)) for key in either)
    return RoundPairs(
        known,
        Pairs(0, 0, 0, 0) if is_outage else at_worst,
        missing=len(asked) - known.n,
    )


def _is_outage(missing: int, asked: int) -> bool:
    return missing >= FEW and missing > MOST_MISSING * asked
