"""The result for programs: the journal's, what it cost, by suite, and by a second judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.evaluation.store import Written
from tuner.report.facts import Facts, reported
from tuner.report.groups import by_suite
from tuner.report.health import health
from tuner.report.second import Opinion, beside
from tuner.report.text import as_json


def as_result(
    facts: Facts, *, written: Sequence[Written] = (), second: Opinion | None = None
) -> dict[str, Any]:
    """Everything as JSON values, each rate with n and its 95 % interval.

    Args:
        facts: of the run.
        written: what the store took in for the run.
        second: another judge's verdicts on ``baseline`` and ``tuned`` of
            :func:`tuner.report.facts.reported`.
    """
    shown = reported(facts)
    return as_json(facts.record) | {
        "second_judge": None if second is None or shown is None
        else {"split": shown.split, **beside(second, facts, shown)},
        "by_suite": None if shown is None
        else {"split": shown.split, "key": shown.key,
              "rows": by_suite(shown.baseline, shown.tuned, second=second)},
        "budget": _budget(facts, written),
    }  # fmt: skip


def _budget(facts: Facts, written: Sequence[Written]) -> dict[str, Any]:
    """Answers that the run counts, how many of them it generated, and what those took."""
    found = health(facts.record, written, facts.counted)
    return {
        "answers": found["counted"], "generated": found["generated"],
        "from_store": found["from_store"], "failed": found["failed"],
        "failed_attempts": found["failed_attempts"], "tokens": found["tokens"],
        "seconds": found["busy_s"],
    }  # fmt: skip
