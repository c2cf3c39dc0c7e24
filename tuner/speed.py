"""How fast a model has answered of late, as the store remembers it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from proxy.evaluation.store import Written

_RECENT = 400
"""Answers that tell how fast a model was of late."""

_LEAST_S = 5.0
"""Seconds below which they tell nothing."""

_PAUSE_S = 60.0
"""Longer between two answers is an interruption, not slowness."""


def recent_tokens_per_s(written: Sequence[Written]) -> float | None:
    """How fast a model's last stored answers came; None where they do not say.

    Args:
        written: oldest first.
    """
    last = [one for one in written if one.error is None][-_RECENT:]
    busy = [
        (one.completion_tokens or 0, gap)
        for before, one in pairwise(last)
        if (gap := one.answered_at - before.answered_at) < _PAUSE_S
    ]
    took_s = sum(gap for _, gap in busy)
    if took_s < _LEAST_S:
        return None
    return sum(tokens for tokens, _ in busy) / took_s or None
