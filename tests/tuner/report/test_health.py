"""Speed, cache and errors from what was written when."""

from __future__ import annotations

from dataclasses import replace

from proxy.evaluation.store import Written
from tuner.record import Record
from tuner.report.facts import Facts
from tuner.report.health import health


def started_at_zero(facts: Facts) -> Record:
    """The toy's record."""
    return replace(facts.record, run=replace(facts.record.run, started_at=0.0))


def stored(
    phenotype: str, prompt: str, at: float, tokens: int | None, error: str | None
) -> Written:
    """An answer with the run's seed and length."""
    return Written(phenotype, prompt, at, tokens, error, 1, 16)


def test_answers_of_earlier_runs_and_failures_are_told_apart(facts: Facts) -> None:
    """And other policies' answers are not this run's."""
    written = [
        stored("a", "p1", 10.0, 30, None),
        stored("a", "p2", 20.0, None, "timeout"),
        stored("a", "p2", 30.0, 50, None),
        stored("other", "p1", 31.0, 99, None),
        stored("other", "p1", 32.0, 99, "timeout"),
    ]
    counted = [("a", "p1"), ("a", "p2"), ("a", "p3")]
    found = health(started_at_zero(facts), written, counted)
    assert (found["counted"], found["generated"], found["from_store"]) == (3, 2, 1)
    assert (found["failed"], found["errors"]) == (1, {"timeout": 1})
    assert (found["tokens"], found["busy_s"], found["tokens_per_s"]) == (
        80,
        30.0,
        round(80 / 30, 2),
    )


def test_a_pause_is_not_slowness(facts: Facts) -> None:
    """A night between two sessions counts as no work."""
    written = [stored("a", "p1", 10.0, 30, None), stored("a", "p2", 40_000.0, 30, None)]
    found = health(started_at_zero(facts), written, [("a", "p1"), ("a", "p2")])
    assert found["busy_s"] == 10.0


def test_a_replayed_run_generated_nothing(facts: Facts) -> None:
    """Everything came from the store."""
    found = health(started_at_zero(facts), [], [("a", "p1")])
    assert (found["generated"], found["from_store"], found["tokens_per_s"]) == (0, 1, None)
    assert found["speed"] == []
    assert {"pace", "stop", "validation_pace"} <= {one["kind"] for one in found["stages"]}
