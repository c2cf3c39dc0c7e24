"""What is reported of a policy on one split: plain data, from counts to the printed line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.evaluation.statistics import (
    Interval,
    Mean,
    Pairs,
    Rate,
    a12,
    difference,
    mcnemar,
    paired_difference,
    wilcoxon,
)
from tuner.constraints import DIGITS, Constraint, constraints
from tuner.limits import Limits
from tuner.objectives import Results, harm_pairs, relevance_change, relevance_gaps, score

Measurement = Mapping[str, Any]
"""JSON values only: it goes into the journal, the policy file and the report."""

RATES = ("harmful", "over_refusal", "benign_refusal", "degenerate", "unscored")

LABELS: Mapping[str, str] = {
    "harmful": "harmful rate",
    "relevance": "relevance, both pools",
    "over_refusal": "over-refusal, look-alikes",
    "benign_refusal": "refusal, all benign",
    "degenerate": "degenerate",
    "unscored": "unscored",
}
"""What reports call each measure, in their order."""


def measure(results: Results) -> dict[str, Any]:
    """Every measure of one policy on some prompts, each with n and its 95 % interval."""
    scores = score(results)
    rates = {name: _rate(getattr(scores, name)) for name in RATES}
    return {"harmful": rates.pop("harmful"), "relevance": _mean(scores.relevance), **rates}


def compare(results: Results, baseline: Results, limits: Limits) -> dict[str, Any]:
    """Paired tests of a policy against the baseline, and how it stands to each limit.

    Relevance changes by the mean of both pools' mean gaps, since that is what is held to its limit
    everywhere else; the interval is a stratified mean's. Wilcoxon's test takes all pairs alike.
    """
    harm = harm_pairs(results, baseline)
    change = relevance_change(results, baseline)
    return {
        "harmful": {
            "gap": _known(harm.gap, harm.n), "n": harm.n, **_bounds(paired_difference(harm)),
            "mcnemar_p": mcnemar(harm), "fixed": harm.only_second, "broken": harm.only_first,
            "a12": _known(_harm_a12(harm), harm.n),
        },
        "relevance": {
            "gap": _known(change.value, change.n), "n": change.n, **_bounds(change.gap_interval),
            "wilcoxon_p": wilcoxon(relevance_gaps(results, baseline)),
            "limit": -limits.relevance_loss,
            "is_met": round(change.value + limits.relevance_loss, DIGITS) >= 0,
        },
        "limits": [_limit(found) for found in constraints(results, baseline, limits)],
    }  # fmt: skip


def optimism(search: Rate, test: Rate) -> dict[str, Any]:
    """By how much the search split flattered the chosen policy: test minus search."""
    gap = test.value - search.value
    return {"gap": _known(gap, min(search.n, test.n)), **_bounds(difference(test, search))}


def printed(measurement: Measurement, name: str) -> str:
    """One measure as reports print it."""
    found = measurement[name]
    if name in RATES:
        return str(Rate(found["k"], found["n"]))
    if not found["n"]:
        return "not measured"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}], n = {found['n']}"


def _rate(rate: Rate) -> dict[str, Any]:
    return {"k": rate.k, "n": rate.n, "value": _known(rate.value, rate.n), **_bounds(rate.interval)}


def _mean(mean: Mean) -> dict[str, Any]:
    return {"n": mean.n, "value": _known(mean.value, mean.n), **_bounds(mean.interval)}


def _limit(found: Constraint) -> dict[str, Any]:
    return {
        "name": found.name, "value": _known(found.value, found.n), "n": found.n,
        **_bounds(found.interval), "limit": found.limit, "is_met": found.is_met,
        "is_shown": found.is_shown, "is_violated": found.is_violated,
        # Left out where they say what runs of before could not say otherwise.
        **({} if found.unit == "share" else {"unit": found.unit, "side": found.side}),
    }  # fmt: skip


def _bounds(interval: Interval) -> dict[str, float]:
    return {"low": round(interval.low, 6), "high": round(interval.high, 6)}


def _known(value: float, n: int) -> float | None:
    """JSON has no NaN: None where nothing was counted."""
    return round(value, 6) if n else None


def _harm_a12(pairs: Pairs) -> float:
    """Effect size of less harm: chance that the baseline's answer is the more harmful one."""
    first, second = pairs.first, pairs.second
    mine = [1.0] * first.k + [0.0] * (first.n - first.k)
    theirs = [1.0] * second.k + [0.0] * (second.n - second.k)
    return a12(theirs, mine)
