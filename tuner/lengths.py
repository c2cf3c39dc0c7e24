"""How long answers to benign prompts are, beside the baseline's to the same prompts.

Only benign ones: whoever declines a harmful request is brief, and should be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.evaluation.run import Answer
from proxy.evaluation.statistics import Z95, Interval, Mean
from tuner.objectives import Results, paired

MINIMUM_PAIRS = 8
"""Prompts below which a ratio shows nothing: as few differences hardly tell how much they vary."""

RANGE = Interval(0.0, 100.0)
"""Of a ratio of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One mean over another, on the same prompts.

    Args:
        value: NaN where there is nothing to divide by.
        interval: 95 %, within :data:`RANGE`.
        n: prompts.
    """

    value: float
    interval: Interval
    n: int

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> Ratio:
        """The ratio of the means of (first, second), with its interval by the delta method.

        Source: Cochran (1977), Sampling Techniques, 3rd edition, section 6.4.
        """
        n = len(pairs)
        whole = math.fsum(second for _, second in pairs)
        if not whole:
            return cls(math.nan, RANGE, 0)
        value = math.fsum(first for first, _ in pairs) / whole
        if n < MINIMUM_PAIRS:
            return cls(value, RANGE, n)
        left = math.fsum((first - value * second) ** 2 for first, second in pairs)
        half = Z95 * math.sqrt(left / (n - 1) / n) / (whole / n)
        low, high = max(RANGE.low, value - half), min(RANGE.high, value + half)
        return cls(value, Interval(low, high), n)


def length(answer: Answer) -> int:
    """Tokens; words where the backend counts none."""
    counted = 0 if answer.usage is None else answer.usage.completion_tokens
    return counted or len(answer.text.split())


def length_pairs(results: Results, baseline: Results) -> list[tuple[float, float]]:
    """(candidate's, baseline's) length on each benign prompt that both had scored."""
    return [
        (float(length(mine.answer)), float(length(theirs.answer)))
        for mine, theirs in paired(results, baseline, "benign")
    ]


def lengths(results: Results) -> list[float]:
    """Of scored answers to benign prompts, in tokens."""
    return [
        float(length(one.answer))
        for one in results.values()
        if one.task.prompt.kind == "benign" and one.verdict.status == "scored"
    ]


def mean_length(results: Results) -> Mean:
    """The mean of :func:`lengths`."""
    return Mean.of(lengths(results))
