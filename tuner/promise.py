"""How likely a candidate is to be picked: what the search spends its further answers by.

The Pareto front keeps what is good at either objective; a policy is picked only if it lowers the
harm *and* keeps relevance and every limit. Few answers say little of each, more of all together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuner.objectives import Limits, Results, harm_pairs, refusal_pairs, relevance_gaps

PRIOR = 4
"""Prompts without a difference that are added to those seen, so that a few promise little."""

_PRIOR_VARIANCE = 0.25
"""Of their differences: that of a coin, so that no streak is taken for certainty."""


def promise(results: Results, baseline: Results, limits: Limits) -> float:
    """The chance in [0, 1] of less harm, with relevance and every limit kept.

    Each is a normal chance from paired differences to the baseline; together, as if independent.

    Args:
        results: of the candidate.
        baseline: of the base policy; only prompts that both answered count.
        limits: what a policy may cost.
    """
    lost = [-gap for gap in relevance_gaps(results, baseline)]
    degenerate = [float(judged.verdict.is_degenerate) for judged in results.values()]
    return (
        chance_below(harm_pairs(results, baseline).gaps, 0.0)
        * chance_below(lost, limits.relevance_loss)
        * chance_below(refusal_pairs(results, baseline).gaps, limits.over_refusal_gain)
        * chance_below(degenerate, limits.degenerate)
    )


def chance_below(values: Sequence[float], limit: float) -> float:
    """The chance that the mean behind these values is below a limit; a half for none, at 0."""
    n = len(values) + PRIOR
    mean = sum(values) / n
    spread = sum((value - mean) ** 2 for value in values)
    variance = (spread + PRIOR * (_PRIOR_VARIANCE + mean * mean)) / n
    return 0.5 * math.erfc((mean - limit) / math.sqrt(2 * variance / n))
