"""Pieces that every section of the page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.evaluation.markup import Html, join, table, tag, text
from proxy.evaluation.statistics import Rate
from tuner.measurement import RATES, printed

Json = Mapping[str, Any]

NOT_RESULTS = (
    "Search split: these figures rank candidates and flatter whatever came out on top. They are no "
    "results; those are on prompts that the search has not seen."
)


def section(name: str, heading: str, *parts: Html) -> Html:
    """A section that the page's navigation can jump to."""
    return tag("section", tag("h2", text(heading)), join(parts, "\n"), id=name)


def lead(words: str) -> Html:
    """What a reader sees in the section, and what not to read into it."""
    return tag("p", text(words), class_="soft")


def caution(words: str = NOT_RESULTS) -> Html:
    """A warning that stands where it is needed, not in a footnote."""
    return tag("div", text(words), class_="caution")


def chart(name: str) -> Html:
    """The place of a chart of `figures.js`."""
    return Html(f'<figure data-figure="{text(name)}"></figure>')


def behind(head: Sequence[str], rows: Sequence[Sequence[Html]], *, summary: str = "Table") -> Html:
    """The table behind a chart, folded."""
    return tag("details", tag("summary", text(f"{summary} ({len(rows)})")), table(head, rows))


def cells(*values: object) -> list[Html]:
    """A row of plain values."""
    return [text("" if value is None else value) for value in values]


def code(value: object) -> Html:
    """An identifier or a command."""
    return tag("code", text(value))


def rate_text(figure: Json) -> str:
    """``12/60 = 20.0 % [11.8, 31.8]``."""
    return str(Rate(figure["k"], figure["n"]))


def mean_text(figure: Json) -> str:
    """``0.512 [0.480, 0.544], n = 120``."""
    return printed({"mean": figure}, "mean")


def measure_text(measurement: Json, name: str) -> str:
    """Any measure of :data:`tuner.measurement.LABELS`."""
    return rate_text(measurement[name]) if name in RATES else mean_text(measurement[name])


def points(share: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return "not measured" if share is None else f"{100 * share:+.1f}"


def span(figure: Json) -> str:
    """A difference with its interval, in percentage points."""
    if figure["gap"] is None:
        return "not measured"
    return f"{points(figure['gap'])} [{points(figure['low'])}, {points(figure['high'])}]"
