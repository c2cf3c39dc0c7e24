"""How fast a model has answered of late, as the store remembers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from proxy.evaluation.store import Written

_RECENT = 5000
"""Answers that tell how fast a model was of late: as many as a long run takes, since its search is
slower than the test at its end."""

_LEAST_S = 5.0
"""Seconds below which they tell nothing."""

_PAUSE_S = 60.0
"""Longer between two answers is an interruption, not slowness."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast answers come, and how long they are.

    Args:
        answers_per_s: above 0.
        tokens_per_answer: their mean.
    """

    answers_per_s: float
    tokens_per_answer: float

    @property
    def tokens_per_s(self) -> float:
        """Both in one."""
        return self.answers_per_s * self.tokens_per_answer

    def times(self, factor: float) -> Speed:
        """So many times as fast."""
        return Speed(self.answers_per_s * factor, self.tokens_per_answer)


def recent_speed(written: Sequence[Written], max_tokens: int) -> Speed | None:
    """How a model's last stored answers came; None where they do not say.

    Args:
        written: oldest first.
        max_tokens: of the answers to come. One that was cut off earlier would have gone on.
    """
    last = [one for one in written if one.error is None][-_RECENT:]
    busy = [
        (one.completion_tokens or 0, gap)
        for before, one in pairwise(last)
        if (gap := one.answered_at - before.answered_at) < _PAUSE_S
    ]
    took_s = sum(gap for _, gap in busy)
    tokens = sum(tokens for tokens, _ in busy)
    if took_s < _LEAST_S or not tokens:
        return None
    length = sum(_length(one, max_tokens) for one in last) / len(last)
    return Speed(tokens / took_s / length, length)


def _length(one: Written, max_tokens: int) -> int:
    tokens = one.completion_tokens or 0
    return max_tokens if tokens >= one.max_tokens else min(tokens, max_tokens)
