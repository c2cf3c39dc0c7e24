"""An evaluation as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.evaluation.wording import (
    CHOICE_LABELS,
    LABELS,
    SCORE_LABELS,
    audit_text,
    beside,
    cost_text,
    gap_text,
    has_prompts,
    score_text,
    terms,
    title,
    written,
)

_LABEL_WIDTH = 36
_WIDTH = 32


def as_text(report: Mapping[str, Any]) -> str:
    """The result for people; categories and single prompts are on the page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield title(report)
    yield terms(report)
    if has_prompts(report):
        yield from _judged(report)
    for choice in report["choices"]:
        yield from _choices(choice)
    if report["warnings"]:
        yield ""
        yield from (f"warning: {warning}" for warning in report["warnings"])


def _judged(report: Mapping[str, Any]) -> Iterator[str]:
    if audit := report["judge"]["audit"]:
        yield audit_text(audit)
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


def _choices(choice: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{choice['suite']}: {choice['asked']} questions; guessing gets {choice['chance']:.0%}"
    yield _row("", [policy["ref"] for policy in choice["policies"]])
    if choice["is_partial"]:
        yield f"no accuracy: {choice['headline_refusal']}"
    else:
        overall = [policy["overall"] for policy in choice["policies"]]
        for name, label in CHOICE_LABELS.items():
            yield _row(label, [written(name, figures[name]) for figures in overall])
    for gap in choice["comparisons"]:
        yield f"{gap['policy']} against {gap['baseline']}: right {gap_text(gap['right'])}"


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
    columns = "  ".join(f"{cell:{_WIDTH}}" for cell in cells)
    return f"{label:{_LABEL_WIDTH}}{columns}".rstrip()
