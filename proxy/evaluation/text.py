"""An evaluation as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.evaluation.wording import (
    LABELS,
    SCORE_LABELS,
    beside,
    cost_text,
    gap_text,
    score_text,
    terms,
    title,
    written,
)

_LABEL_WIDTH = 36
_WIDTH = 34


def as_text(report: Mapping[str, Any]) -> str:
    """The result for people; categories and single prompts are on the page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield title(report)
    yield terms(report)
    yield ""
    policies = report["policies"]
    yield _row("", [policy["ref"] for policy in policies])
    if report["is_partial"]:
        yield "no overall rates: a prompt set is not whole"
        yield _row(LABELS["unscored"], [written("unscored", p["unscored"]) for p in policies])
    else:
        yield from _rates([policy["rates"] for policy in policies])
    yield ""
    for policy in policies:
        yield f"{policy['ref']}: {cost_text(policy['cost'])}"
    for comparison in report["comparisons"]:
        yield from _comparison(comparison)
    if report["warnings"]:
        yield ""
        yield from (f"warning: {warning}" for warning in report["warnings"])


def _rates(policies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for name, label in LABELS.items():
        yield _row(label, [written(name, rates[name]) for rates in policies])
        extras = [dict(beside(rates[name])) for rates in policies]
        for extra in extras[0]:
            yield _row(f"  {extra}", [found[extra] for found in extras])


def _comparison(comparison: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{comparison['policy']} against {comparison['baseline']}, prompt by prompt"
    for name, gap in comparison["rates"].items():
        yield f"  {LABELS[name]:{_LABEL_WIDTH}}{gap_text(gap)}"
    for name, score in comparison["scores"].items():
        yield f"  {SCORE_LABELS[name]:{_LABEL_WIDTH}}{score_text(score)}"


def _row(label: str, cells: Sequence[str]) -> str:
    return f"{label:{_LABEL_WIDTH}}{''.join(f'{cell:{_WIDTH}}' for cell in cells)}".rstrip()
