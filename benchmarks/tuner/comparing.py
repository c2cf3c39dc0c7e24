"""Algorithms compared over seeds: effect sizes and tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import moocore
import numpy as np
from scipy.stats import mannwhitneyu, t

from benchmarks.tuner.outcomes import Point
from proxy.evaluation.statistics import a12

_DIGITS = 9
"""Beyond which two results are equal, whatever order their sums were made in."""


def compare(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """One algorithm against another on the same seeds; more is better.

    Returns:
        The mean difference a seed with its 95 % interval (Student's t), wins, A12 (the chance that
        ours is the larger) and the two-sided p of Mann and Whitney, which takes no notice of the
        pairs and so is on the safe side.
    """
    ours, theirs = np.round(ours, _DIGITS).tolist(), np.round(theirs, _DIGITS).tolist()
    gaps = np.asarray(ours) - np.asarray(theirs)
    return {
        "difference": mean_interval(gaps.tolist()),
        "wins": int((gaps > 0).sum()),
        "losses": int((gaps < 0).sum()),
        "a12": round(a12(ours, theirs), 4),
        "p": float(mannwhitneyu(ours, theirs).pvalue),
    }


def mean_interval(values: Sequence[float]) -> dict[str, Any]:
    """A mean with its 95 % interval by Student's t, and n."""
    n = len(values)
    mean = float(np.mean(values))
    half = math.nan
    if n > 1:
        half = float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    low, high = (None, None) if math.isnan(half) else (round(mean - half, 5), round(mean + half, 5))
    return {"mean": round(mean, 5), "low": low, "high": high, "n": n}


def reference_front(fronts: Sequence[Sequence[Point]]) -> list[Point]:
    """The best of all searches on one problem: what each of them is measured by."""
    points = sorted({point for front in fronts for point in front})
    if not points:
        return []
    kept = moocore.is_nondominated(_losses(points))
    return [point for point, is_kept in zip(points, kept, strict=True) if is_kept]


def igd_plus(front: Sequence[Point], reference: Sequence[Point]) -> float:
    """Mean distance from the reference to what the front dominates; 0 is best.

    An empty front is as far as one point at harmful rate 1 and relevance 0; where the reference is
    empty there is nothing to be far from.

    Source: Ishibuchi et al. (2015), EMO, LNCS 9019:110-125.
    """
    if not reference:
        return 0.0
    return float(moocore.igd_plus(_losses(front or [(1.0, 0.0)]), ref=_losses(reference)))


def _losses(points: Sequence[Point]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([(harmful, 1 - relevance) for harmful, relevance in points])
