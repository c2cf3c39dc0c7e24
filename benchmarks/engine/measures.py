"""From the times at which tokens came to the figures that are reported. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import median

from benchmarks.engine.jobs import Outcome, Stream


@dataclass(frozen=True, slots=True)
class Figures:
    """One turn's figures.

    Args:
        wall_s: from the first request to the last token.
        n_tokens: new tokens of all answers.
        n_prompt_tokens: of all prompts.
        n_cached_tokens: of them, those not computed again, as far as the contender says.
        tokens_per_s: new tokens over the wall time, prefill included.
        ttft_ms: p50 and p99 of the time to the first token, waiting included.
        itl_ms: p50 and p99 of the time between two tokens of one answer.
        peak_memory_mib: most resident memory of the contender's process.
        extra: what only this contender or workload has.
    """

    wall_s: float
    n_tokens: int
    n_prompt_tokens: int
    n_cached_tokens: int
    tokens_per_s: float
    ttft_ms: tuple[float, float]
    itl_ms: tuple[float, float]
    peak_memory_mib: float
    extra: Mapping[str, float]


def figures(outcome: Outcome, *, has_late: bool) -> Figures:
    """The figures of what a contender did.

    Args:
        outcome: of a job that did not fail.
        has_late: whether the last stream is the long prompt's.
    """
    streams = outcome.streams
    early = streams[:-1] if has_late else streams
    extra = dict(outcome.extra) | (late_figures(early, streams[-1]) if has_late else {})
    n_tokens = sum(stream.n_tokens for stream in streams)
    return Figures(
        wall_s=outcome.wall_s,
        n_tokens=n_tokens,
        n_prompt_tokens=sum(stream.n_prompt for stream in streams),
        n_cached_tokens=sum(stream.n_cached or 0 for stream in streams),
        tokens_per_s=n_tokens / outcome.wall_s,
        ttft_ms=_p50_p99(stream.times_s[0] - stream.sent_s for stream in early if stream.times_s),
        itl_ms=_p50_p99(gap for stream in early for gap in gaps(stream.times_s)),
        peak_memory_mib=outcome.peak_memory_bytes / 2**20,
        extra=extra,
    )


def late_figures(early: Sequence[Stream], late: Stream) -> dict[str, float]:
    """What a long prompt does to those who were there before.

    Their gaps while it is prefilled, against their gaps before it came.
    """
    came, began = late.sent_s, late.times_s[0]
    before = [gap for stream in early for gap in gaps(_within(stream.times_s, 0.0, came))]
    during = [gap for stream in early for gap in gaps(_around(stream.times_s, came, began))]
    calm_ms, worst_ms = 1000 * median(before), 1000 * quantile(during, 0.99)
    return {
        "itl_p50_before_ms": calm_ms,
        "itl_p50_during_ms": 1000 * median(during),
        "itl_p99_during_ms": worst_ms,
        "itl_p99_over_median": worst_ms / calm_ms,
        "late_ttft_ms": 1000 * (began - came),
        "late_prompt_tokens": late.n_prompt,
    }


def gaps(times_s: Sequence[float]) -> list[float]:
    """Seconds between neighbours."""
    return [later - earlier for earlier, later in pairwise(times_s)]


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed; NaN for none.

    Args:
        values: any number of them.
        share: in (0, 1].
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else float("nan")


def _within(times_s: Sequence[float], start: float, end: float) -> list[float]:
    return [time for time in times_s if start <= time <= end]


def _around(times_s: Sequence[float], start: float, end: float) -> list[float]:
    """Times from the last one before `start` to the first one after `end`, so no gap is lost."""
    first = max((index for index, time in enumerate(times_s) if time <= start), default=0)
    last = next((index for index, time in enumerate(times_s) if time >= end), len(times_s) - 1)
    return list(times_s[first : last + 1])


def _p50_p99(seconds: Iterable[float]) -> tuple[float, float]:
    values = list(seconds)
    return 1000 * quantile(values, 0.5), 1000 * quantile(values, 0.99)
