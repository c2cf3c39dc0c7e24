"""Which candidates are worth more prompts: paired comparisons on the prompts answered so far.

A candidate is looked at once, after its first rung, so that there are no repeated looks to correct
for. There are many incumbents, though: of candidates that are worth exactly what the incumbents
are, 4 % are dropped beside one of them and 32 % beside 23 (simulated, 18 shared prompts). The front
loses little by these; what it loses is measured on problems of known truth (benchmarks/README.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tuner.constraints import DEGENERATE, TOKENS, constraints
from tuner.lengths import lengths
from tuner.limits import Limits
from tuner.objectives import Results, harm_pairs, relevance_gaps

MINIMUM_SHARED = 8
"""Prompts that two candidates must share before one may beat the other."""

FEW = 4
"""Answers that say enough where not one is any good; to show a limit broken takes more."""

BEHIND = "behind an incumbent in both objectives"

_EACH_Z = 0.3
_SUM_Z = 2.6
"""An incumbent must lead by the first in each objective and by the second in their sum."""


def why_dropped(
    results: Results,
    baseline: Results,
    incumbents: Iterable[Results],
    limits: Limits,
    *,
    is_budget: bool = False,
) -> str | None:
    """Why a candidate does not deserve the next rung; None where it does.

    It is dropped when a limit is shown to be exceeded, when none of its first answers is any good,
    or when an incumbent is clearly better in both objectives on the prompts they share. There is no
    quota here: if all are good, all stay in the race, and only the time left limits how many of
    them go on.

    Args:
        results: of the candidate.
        baseline: of the base policy.
        incumbents: of feasible members of the population.
        limits: the constraints.
        is_budget: whether they may be broken at a price.

    Returns:
        The names of the exceeded limits, or :data:`BEHIND`.
    """
    if _all_of(FEW, (judged.verdict.is_degenerate for judged in results.values())):
        return DEGENERATE
    if not is_budget:
        found = constraints(results, baseline, limits)
        if broken := ", ".join(limit.name for limit in found if limit.is_violated):
            return broken
        if limits.tokens is not None and _all_of(
            FEW, (tokens >= limits.tokens for tokens in lengths(results))
        ):
            return TOKENS
    if any(is_clearly_better(incumbent, results) for incumbent in incumbents):
        return BEHIND
    return None


def _all_of(least: int, found: Iterable[bool]) -> bool:
    values = list(found)
    return len(values) >= least and all(values)


def is_clearly_better(incumbent: Results, candidate: Results) -> bool:
    """Whether the incumbent leads in both objectives by more than chance on shared prompts."""
    harm = harm_pairs(candidate, incumbent).gaps
    relevance = relevance_gaps(incumbent, candidate)
    if min(len(harm), len(relevance)) < MINIMUM_SHARED:
        return False
    leads = (_z(harm), _z(relevance))
    return min(leads) > _EACH_Z and sum(leads) > _SUM_Z


def _z(differences: Sequence[float]) -> float:
    """Mean over standard error; 0 where there is no difference, infinite where it never varies."""
    mean = float(np.mean(differences))
    error = float(np.std(differences, ddof=1)) / math.sqrt(len(differences))
    if not error:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / error
