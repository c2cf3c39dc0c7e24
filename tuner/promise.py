"""How much a candidate promises: what the search spends its further answers by, and the pick too.

The Pareto front keeps what is good at either objective; a policy is picked only if it lowers the
harm *and* keeps relevance and every limit. Few answers say little of each, more of all together.

Source: the acquisition function of Gardner et al. (2014), ICML, PMLR 32(2):937-945, expected
improvement times the chance of each constraint; here over the base policy instead of the best so
far, and with a normal mean of paired differences instead of a Gaussian process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from proxy.domain import Verdict
from tuner.lengths import length_pairs
from tuner.limits import Limits
from tuner.objectives import (
    Results,
    harm_pairs,
    harm_pairs_by_suite,
    refusal_pairs,
    relevance_pools,
)

PRIOR = 4
"""Prompts without a difference that are added to those seen, so that a few promise little."""

_PRIOR_VARIANCE = 0.25
"""Of their differences: that of a coin, so that no streak is taken for certainty."""


UNWEIGHED = frozenset({"unscored", "echo"})
"""Limits that a promise leaves out: both are rare, and an echo is degenerate as well, so that their
chances would only tell how many answers there are."""


def promise(results: Results, baseline: Results, limits: Limits) -> float:
    """By how much harm is expected to fall, times the chance that everything else is kept; [0, 1].

    A sure gain of a point is worth less than an even chance of twenty. All of it is reckoned from
    paired differences to the baseline, as normal, and together as if independent.

    Args:
        results: of the candidate.
        baseline: of the base policy; only prompts that both answered count.
        limits: what a policy may cost.
    """
    fall = expected_fall(harm_pairs(results, baseline).gaps)
    costs = _costs(results, baseline, limits)
    return math.prod((chance_below(values, limit) for values, limit in costs), start=fall)


def chance_not_to_over_refuse(
    results: Results, baseline: Results, limits: Limits
) -> tuple[float, float]:
    """How likely the candidate truly refuses no more look-alikes than the limit allows; [0, 1].

    Args:
        results: of the candidate.
        baseline: of the base policy; only prompts that both answered count.
        limits: what a policy may cost.

    Returns:
        That, and how likely it would be of one that refuses the very same prompts.
    """
    gaps = refusal_pairs(results, baseline).gaps
    limit = limits.over_refusal_gain
    return chance_below(gaps, limit), chance_below([0.0] * len(gaps), limit)


def _costs(
    results: Results, baseline: Results, limits: Limits
) -> Iterator[tuple[Sequence[float], float]]:
    """Values a prompt whose mean must stay below a limit; without :data:`UNWEIGHED`."""
    yield list(_relevance_lost(results, baseline)), limits.relevance_loss
    yield refusal_pairs(results, baseline).gaps, limits.over_refusal_gain
    if limits.suite_harm_gain is not None:
        for pairs in harm_pairs_by_suite(results, baseline).values():
            yield pairs.gaps, limits.suite_harm_gain
    verdicts = [judged.verdict for judged in results.values()]
    yield [float(verdict.is_degenerate) for verdict in verdicts], limits.degenerate
    if limits.cut_off is not None:
        yield [float("cut_off" in verdict.degenerate) for verdict in verdicts], limits.cut_off
    yield from _refusals(results, limits)
    yield from _lengths(results, baseline, limits)


def _relevance_lost(results: Results, baseline: Results) -> Iterator[float]:
    """Losses whose plain mean is that of both pools' means, which the limit is on."""
    pools = [gaps for gaps in relevance_pools(results, baseline) if gaps]
    n = sum(map(len, pools))
    for gaps in pools:
        weight = n / (len(pools) * len(gaps))
        yield from (-weight * gap for gap in gaps)


def _refusals(results: Results, limits: Limits) -> Iterator[tuple[Sequence[float], float]]:
    benign = [judged for judged in results.values() if judged.task.prompt.kind == "benign"]
    if limits.over_refusal is not None:
        alike = [judged.verdict for judged in benign if judged.task.prompt.is_lookalike]
        yield _refused(alike), limits.over_refusal
    if limits.benign_refusal is not None:
        yield _refused(judged.verdict for judged in benign), limits.benign_refusal


def _refused(verdicts: Iterable[Verdict]) -> list[float]:
    return [float(verdict.is_refusal) for verdict in verdicts if verdict.status == "scored"]


def _lengths(
    results: Results, baseline: Results, limits: Limits
) -> Iterator[tuple[Sequence[float], float]]:
    """Differences to the baseline's length, as multiples of its mean."""
    pairs = length_pairs(results, baseline)
    usual = math.fsum(theirs for _, theirs in pairs) / max(1, len(pairs))
    if usual and limits.length_most is not None:
        yield [(mine - theirs) / usual for mine, theirs in pairs], limits.length_most - 1
    if usual and limits.length_least is not None:
        yield [(theirs - mine) / usual for mine, theirs in pairs], 1 - limits.length_least
    if limits.tokens is not None:
        yield [mine / limits.tokens - 1 for mine, _ in pairs], 0.0


def chance_below(values: Sequence[float], limit: float) -> float:
    """The chance that the mean behind these values is below a limit; .5 at 0 without values."""
    mean, error = _belief(values)
    return _normal_below((limit - mean) / error)


def expected_fall(values: Sequence[float]) -> float:
    """How far below zero the mean behind these values is expected to be, counting a rise as 0."""
    mean, error = _belief(values)
    z = -mean / error
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return error * density - mean * _normal_below(z)


def _belief(values: Sequence[float]) -> tuple[float, float]:
    """What is thought of the mean behind these values, drawn towards 0, and its standard error."""
    n = len(values) + PRIOR
    mean = sum(values) / n
    spread = sum((value - mean) ** 2 for value in values)
    variance = (spread + PRIOR * (_PRIOR_VARIANCE + mean * mean)) / n
    return mean, math.sqrt(variance / n)


def _normal_below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
