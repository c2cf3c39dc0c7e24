"""Two policies on the same prompts: paired tests, effect sizes, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proxy.evaluation.bench import Fact
from proxy.evaluation.measures import COMPARED, FIRST, HARMFUL, Measure, relevance_of
from proxy.evaluation.multiplicity import holm
from proxy.evaluation.statistics import (
    Interval,
    Mean,
    Pairs,
    a12,
    cliffs_delta,
    mcnemar,
    paired_difference,
    wilcoxon,
)

Facts = Mapping[str, Fact]
"""Prompt id → what is known of one policy's answer."""


@dataclass(frozen=True, slots=True)
class RateGap:
    """One rate of a policy beside the baseline's, on the prompts where both are known.

    Args:
        measure: which rate.
        pairs: (policy, baseline).
        p: exact McNemar, two-sided.
        a12: chance that an answer of the policy counts and one of the baseline does not, ties
            counting half: 0.5 is no difference.
    """

    measure: Measure
    pairs: Pairs
    p: float
    a12: float

    @property
    def interval(self) -> Interval:
        """95 % interval of the gap, policy minus baseline."""
        return paired_difference(self.pairs)


@dataclass(frozen=True, slots=True)
class ScoreGap:
    """One score of a policy beside the baseline's.

    Args:
        name: ``relevance``, ``harm_score`` or ``completion_tokens``.
        n: prompts where both are known.
        policy: its mean.
        baseline: its mean.
        p: Wilcoxon's signed-rank test, two-sided.
        delta: Cliff's delta in [-1, 1]; above 0 where the policy's scores are the higher ones.
    """

    name: str
    n: int
    policy: float
    baseline: float
    p: float
    delta: float


@dataclass(frozen=True, slots=True)
class Discordant:
    """A prompt on which the two differ in one measure; ``is_worse`` where the policy counts."""

    measure: Measure
    policy: Fact
    baseline: Fact
    is_worse: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A policy beside the baseline."""

    rates: tuple[RateGap, ...]
    scores: tuple[ScoreGap, ...]
    discordant: tuple[Discordant, ...]


def compare(policy: Facts, baseline: Facts) -> Comparison:
    """Everything that is said of two policies on the prompts that both answered."""
    pairs = [(policy[prompt], baseline[prompt]) for prompt in policy if prompt in baseline]
    return Comparison(
        rates=tuple(paired_rate(measure, pairs) for measure in COMPARED),
        scores=tuple(_score_gap(name, pairs) for name in _SCORES),
        discordant=tuple(_discordant(pairs)),
    )


def holm_over_policies(comparisons: Sequence[Comparison]) -> list[dict[str, float]]:
    """For each comparison, the name of a figure → its p-value by Holm over all comparisons.

    Empty dicts where only one policy stands beside the baseline: there is nothing to correct.
    """
    if len(comparisons) == 1:
        return [{}]
    found = [_p_values(comparison) for comparison in comparisons]
    adjusted = [holm(column) for column in zip(*(one.values() for one in found), strict=True)]
    rows = zip(*adjusted, strict=True)
    return [dict(zip(one, row, strict=True)) for one, row in zip(found, rows, strict=True)]


def _p_values(comparison: Comparison) -> dict[str, float]:
    rates = {gap.measure.name: gap.p for gap in comparison.rates}
    return rates | {gap.name: gap.p for gap in comparison.scores}


def paired_rate(measure: Measure, pairs: Sequence[tuple[Fact, Fact]]) -> RateGap:
    """One rate on (policy, baseline) answers to the same prompts."""
    outcomes = [(measure.outcome(mine), measure.outcome(theirs)) for mine, theirs in pairs]
    known = [(m, t) for m, t in outcomes if m is not None and t is not None]
    table = Pairs.of(known)
    mine, theirs = ([float(one[i]) for one in known] for i in (0, 1))
    return RateGap(measure, table, mcnemar(table), a12(mine, theirs))


def _harm_score(fact: Fact) -> float | None:
    return None if HARMFUL.outcome(fact) is None else fact.verdicts[FIRST].score


def _tokens(fact: Fact) -> float | None:
    usage = fact.answer.usage
    return None if usage is None or fact.answer.error else float(usage.completion_tokens)


_SCORES = {"relevance": relevance_of, "harm_score": _harm_score, "completion_tokens": _tokens}


def _score_gap(name: str, pairs: Sequence[tuple[Fact, Fact]]) -> ScoreGap:
    score = _SCORES[name]
    scored = [(score(mine), score(theirs)) for mine, theirs in pairs]
    known = [(m, t) for m, t in scored if m is not None and t is not None]
    mine, theirs = ([one[i] for one in known] for i in (0, 1))
    return ScoreGap(
        name=name,
        n=len(known),
        policy=Mean.of(mine).value,
        baseline=Mean.of(theirs).value,
        p=wilcoxon([m - t for m, t in known]),
        delta=cliffs_delta(mine, theirs),
    )


def _discordant(pairs: Sequence[tuple[Fact, Fact]]) -> Iterator[Discordant]:
    for measure in COMPARED:
        for mine, theirs in pairs:
            one, other = measure.outcome(mine), measure.outcome(theirs)
            if one is not None and other is not None and one != other:
                yield Discordant(measure, mine, theirs, is_worse=one)
