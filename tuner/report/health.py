"""How a run went: speed over time, what came from the store, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proxy.evaluation.store import Written
from tuner.record import Record
from tuner.report.facts import failures

_WINDOWS = 60
"""Points on the speed curve, at most."""

_LEAST_WINDOW_S = 5.0

_PAUSE_S = 60.0
"""Longer without an answer may be an interruption, for all that answers tell."""


def health(
    record: Record, written: Sequence[Written], counted: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """The run's own answers among those written to the store since it started.

    Args:
        record: of the run.
        written: everything that was written for this model, seed and length since then, oldest
            first.
        counted: (candidate key, prompt id) of every answer that the run counts.
    """
    wanted = set(counted)
    tried = {phenotype for phenotype, _ in wanted}
    mine = [
        one
        for one in written
        if (one.phenotype, one.prompt_id) in wanted
        or (one.error is not None and one.phenotype in tried)
    ]
    whole = [one for one in mine if one.error is None]
    failed = [one for one in mine if one.error is not None]
    fresh = {(one.phenotype, one.prompt_id) for one in whole}
    tokens = sum(one.completion_tokens or 0 for one in whole)
    busy_s = _busy_s(record, [one.answered_at for one in mine])
    return {
        "counted": len(wanted),
        "generated": len(fresh),
        "from_store": len(wanted - fresh),
        "failed": len(failures(record)),
        "failed_attempts": len(failed),
        "errors": _counts(str(one.error) for one in failed),
        "tokens": tokens,
        "busy_s": round(busy_s, 1),
        "tokens_per_s": round(tokens / busy_s, 2) if busy_s and tokens else None,
        "speed": _speed(record.run.started_at, whole),
        "stages": _stages(record),
    }


def _busy_s(record: Record, times: Sequence[float]) -> float:
    """Seconds of work: those that the run wrote down last, or more where answers tell of more.

    The run times itself and knows its interruptions, but in one that goes on, and in an old record,
    the last decision with a time comes before the test. Answers go on to the end, but a slow
    model's are as far apart as sessions are.
    """
    known_s = next((one["elapsed_s"] for one in reversed(_stages(record))), 0.0)
    start = record.run.started_at
    gaps = [after - before for before, after in zip([start, *times], times, strict=False)]
    return max(float(known_s), sum(gap for gap in gaps if gap < _PAUSE_S))


def _speed(start: float, whole: Sequence[Written]) -> list[dict[str, float]]:
    """Tokens a second in windows of equal length."""
    if not whole:
        return []
    span = whole[-1].answered_at - start
    window = max(_LEAST_WINDOW_S, span / _WINDOWS)
    sums: dict[int, int] = {}
    for one in whole:
        at = int((one.answered_at - start) / window)
        sums[at] = sums.get(at, 0) + (one.completion_tokens or 0)
    whole_windows = sorted(sums)[:-1] or sorted(sums)  # the last one has only just begun
    return [
        {"minutes": round((at + 0.5) * window / 60, 3), "tokens_per_s": round(sums[at] / window, 2)}
        for at in whole_windows
    ]


def _stages(record: Record) -> list[dict[str, Any]]:
    """When each decision that knows its time was taken, in seconds of work."""
    return [
        {"kind": one.kind, "elapsed_s": one.body["elapsed_s"]}
        for one in record.decisions
        if "elapsed_s" in one.body
    ]


def _counts(words: Iterable[str]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
