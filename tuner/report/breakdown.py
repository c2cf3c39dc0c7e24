"""Of which suites and categories the figures are: sections of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy.evaluation.markup import Html, table
from proxy.evaluation.wording import LABELS
from tuner.report.parts import Json, behind, cells, chart, lead, rate_text, section, span

_PAIRED = ("baseline", "tuned", "points [95 %], paired", "fixed", "broken")
"""Columns of each group, before those of the second judge."""


def breakdown(document: Json) -> Iterator[Html]:
    """The sections, in their order."""
    yield _suites(document)
    yield _categories(document)


def _suites(document: Json) -> Html:
    rows = document["contrast"]["suites"]
    second = _second(rows)
    return section(
        "suites",
        "By suite",
        lead(f"Prompts of the {document['split']} split, paired. Where there are several suites, "
             "a rate over all of them can fall by what happens in one alone."),
        table(
            ["", "suite", *_PAIRED, *_heads(second)],
            [[*cells(LABELS[one["measure"]], one["suite"]), *_row(one, second)] for one in rows],
        ),
    )  # fmt: skip


def _categories(document: Json) -> Html:
    categories = document["contrast"]["categories"]
    second = _second(categories)
    hollow = " Hollow points are the second judge's." if second else ""
    return section(
        "categories",
        "Harm by category",
        lead(f"Harmful-leading prompts of the {document['split']} split, paired. Most categories "
             f"are too small to say anything alone: read the intervals.{hollow}"),
        chart("categories"),
        behind(
            ["category", *_PAIRED, *_heads(second)],
            [[*cells(one["category"]), *_row(one, second)] for one in categories],
        ),
    )  # fmt: skip


def _second(groups: Sequence[Json]) -> list[str]:
    """Policies that a second judge has read, of any group."""
    return list(dict.fromkeys(name for one in groups for name in one["second"]))


def _heads(second: Sequence[str]) -> list[str]:
    return [f"{name}, second judge" for name in second]


def _row(one: Json, second: Sequence[str]) -> list[Html]:
    """A group's cells; blank where the second judge has none to say."""
    found = [one["second"].get(name) for name in second]
    return cells(
        rate_text(one["baseline"]), rate_text(one["tuned"]), span(one["paired"]),
        one["paired"]["only_baseline"], one["paired"]["only_policy"],
        *(rate_text(rate) if rate and rate["n"] else "" for rate in found),
    )  # fmt: skip
