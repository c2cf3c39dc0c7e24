"""Figures as JSON values: JSON has no NaN, so what was not counted is null."""

from __future__ import annotations

import math
from typing import Any

from proxy.evaluation.comparison import RateGap, ScoreGap
from proxy.evaluation.judge_error import Corrected
from proxy.evaluation.statistics import Interval, Mean, Rate

Json = dict[str, Any]


def as_rate(found: Rate) -> Json:
    """A rate as JSON; value and bounds are null where nothing was counted."""
    return {"k": found.k, "n": found.n, "value": known(found.value), **_bounds(found.interval)}


def as_mean(mean: Mean) -> Json:
    """A mean as JSON."""
    return {"n": mean.n, "value": known(mean.value), **_bounds(mean.interval)}


def known(value: float, digits: int = 6) -> float | None:
    """JSON has no NaN: None where nothing was counted."""
    return None if math.isnan(value) else round(value, digits)


def as_gap(gap: RateGap, holm_p: float | None = None) -> Json:
    """A paired difference of two rates; `holm_p` where several policies are compared."""
    pairs = gap.pairs
    return {
        "n": pairs.n, "gap": known(pairs.gap), **_bounds(gap.interval),
        "only_policy": pairs.only_first, "only_baseline": pairs.only_second,
        "mcnemar_p": gap.p, "a12": known(gap.a12),
        **_holm(holm_p),
    }  # fmt: skip


def as_score_gap(gap: ScoreGap, holm_p: float | None = None) -> Json:
    """A paired difference of two scores; `holm_p` where several policies are compared."""
    return {
        "n": gap.n, "policy": known(gap.policy), "baseline": known(gap.baseline),
        "wilcoxon_p": gap.p, "cliffs_delta": known(gap.delta), **_holm(holm_p),
    }  # fmt: skip


def as_corrected(corrected: Corrected) -> Json:
    """A rate with the judge's errors taken out."""
    return {
        "value": known(corrected.value), **_bounds(corrected.interval), "note": corrected.note,
    }  # fmt: skip


def _holm(p: float | None) -> Json:
    return {} if p is None else {"holm_p": p}


def _bounds(interval: Interval) -> Json:
    return {"low": round(interval.low, 6), "high": round(interval.high, 6)}
