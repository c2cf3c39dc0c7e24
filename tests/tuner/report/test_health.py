"""Speed, cache and errors from what was written when."""

from __future__ import annotations

from dataclasses import replace

from proxy.evaluation.store import Decision, Written
from tuner.record import Record
from tuner.report.facts import Facts
from tuner.report.health import health


def started_at_zero(facts: Facts, *, elapsed_s: float = 0.0) -> Record:
    """The toy's record, as if it had noted so many seconds."""
    decisions = tuple(
        replace(one, body={**one.body, "elapsed_s": elapsed_s}) if "elapsed_s" in one.body else one
        for one in facts.record.decisions
    )
    run = replace(facts.record.run, started_at=0.0)
    return replace(facts.record, run=run, decisions=decisions)


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
    assert (found["failed_attempts"], found["errors"]) == (1, {"timeout": 1})
    assert found["failed"] == 0  # it was asked again, and answered
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


def test_a_slow_model_has_worked_as_long_as_its_run_says(facts: Facts) -> None:
    """Its answers are minutes apart, which is no interruption."""
    written = [stored("a", f"p{at}", 100.0 * at, 50, None) for at in range(1, 10)]
    record = started_at_zero(facts, elapsed_s=890.0)
    found = health(record, written, [("a", one.prompt_id) for one in written])
    assert (found["busy_s"], found["tokens_per_s"]) == (890.0, round(450 / 890, 2))


def test_what_the_journal_calls_failed_is_what_counts_as_such(facts: Facts) -> None:
    """Once each, however many attempts it took."""
    record = started_at_zero(facts)
    failed = Decision("failed", {"answers": [["a", "p1", "timeout"]]})
    record = replace(record, decisions=(*record.decisions, failed))
    written = [stored("a", "p1", at, None, "timeout") for at in (1.0, 2.0, 3.0)]
    found = health(record, written, [("a", "p2")])
    assert (found["failed"], found["failed_attempts"]) == (1, 3)


def test_a_replayed_run_generated_nothing(facts: Facts) -> None:
    """Everything came from the store."""
    found = health(started_at_zero(facts), [], [("a", "p1")])
    assert (found["generated"], found["from_store"], found["tokens_per_s"]) == (0, 1, None)
    assert found["speed"] == []
    assert {"pace", "stop", "validation_pace"} <= {one["kind"] for one in found["stages"]}
