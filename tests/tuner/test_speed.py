"""How fast a model was of late."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from proxy.evaluation.store import Written
from tuner.speed import Speed, recent_speed


def written(*times: float, error: str | None = None, tokens: int = 30) -> list[Written]:
    """Answers that might have had 40 tokens."""
    return [Written("p", "x", time, tokens, error, 1, 40) for time in times]


def tokens_per_s(answers: Sequence[Written]) -> float | None:
    """What they say of the speed."""
    speed = recent_speed(answers, max_tokens=40)
    return None if speed is None else speed.tokens_per_s


def test_speed_is_that_of_the_last_answers_without_pauses_and_failures() -> None:
    """Nothing is said of a handful of seconds."""
    steady = list(itertools.accumulate([0.5] * 40))
    assert tokens_per_s(written(*steady)) == pytest.approx(60)
    later = [time + 9000 for time in steady]
    assert tokens_per_s(written(*steady, *later)) == pytest.approx(60)
    failed = written(*later, error="status 500")
    assert tokens_per_s([*written(*steady), *failed]) == pytest.approx(60)
    assert tokens_per_s(written(1.0, 2.0, 3.0)) is None
    assert tokens_per_s([]) is None


@pytest.mark.parametrize(
    ("tokens", "max_tokens", "length"), [(30, 40, 30), (30, 20, 20), (30, 90, 30), (40, 90, 90)]
)
def test_an_answer_that_was_cut_off_would_have_gone_on(
    tokens: int, max_tokens: int, length: int
) -> None:
    """And one that is allowed less ends there; tokens a second stay the same."""
    steady = itertools.accumulate([0.5] * 40)
    speed = recent_speed(written(*steady, tokens=tokens), max_tokens)
    assert speed is not None
    assert speed.tokens_per_answer == length
    assert speed.tokens_per_s == pytest.approx(2 * tokens)


def test_twice_as_fast_is_as_many_tokens() -> None:
    """In half the time."""
    assert Speed(1.5, 40).times(2) == Speed(3.0, 40)
