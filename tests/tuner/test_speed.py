"""How fast a model was of late."""

from __future__ import annotations

import itertools

import pytest

from proxy.evaluation.store import Written
from tuner.speed import recent_tokens_per_s


def written(*times: float, error: str | None = None) -> list[Written]:
    """Answers of 30 tokens."""
    return [Written("p", "x", time, 30, error, 1, 16) for time in times]


def test_speed_is_that_of_the_last_answers_without_pauses_and_failures() -> None:
    """Nothing is said of a handful of seconds."""
    steady = list(itertools.accumulate([0.5] * 40))
    assert recent_tokens_per_s(written(*steady)) == pytest.approx(60)
    later = [time + 9000 for time in steady]
    assert recent_tokens_per_s(written(*steady, *later)) == pytest.approx(60)
    failed = written(*later, error="status 500")
    assert recent_tokens_per_s([*written(*steady), *failed]) == pytest.approx(60)
    assert recent_tokens_per_s(written(1.0, 2.0, 3.0)) is None
    assert recent_tokens_per_s([]) is None
