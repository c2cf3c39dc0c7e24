"""A dashboard as data: what it shows and asks, without a word about how Grafana writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["lines", "areas", "bars", "stat"]
"""Lines over time, stacked areas over time, one bar a series, one number a series."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus.

    Args:
        expr: PromQL, with Grafana's variables.
        legend: the series' name; ``{{label}}`` stands for a label's value.
    """

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Args:
        title: what is seen.
        meaning: how to read it; shown behind the panel's ``i``.
        queries: what is drawn.
        kind: how.
        unit: Grafana's id, such as ``percentunit``, ``s`` or ``reqps``.
        width: in twenty-fourths of the page.
        band: fill the space between the series named `UPPER` and `LOWER`.
        repeat: draw one panel for each value of this variable.
        nothing: what is shown where there is no data.
    """

    title: str
    meaning: str
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    unit: str = "short"
    width: int = 12
    band: bool = False
    repeat: str | None = None
    nothing: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """Something to choose at the top of the page.

    Args:
        name: queries call it ``$name``.
        label: what the reader sees.
        series: where the values are found: a metric, or one with a selector.
        is_multi: whether several, or all, may be chosen; then queries must say ``=~``.
        is_hidden: whether it is only there for panels to repeat over.
    """

    name: str
    label: str
    series: str
    is_multi: bool = True
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Annotation:
    """Moments marked in every picture."""

    name: str
    expr: str
    colour: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page.

    Args:
        uid: stands in its address, and must not change.
        title: its name in the folder.
        description: what it answers.
        variables: in the order of the page.
        rows: from top to bottom.
        annotations: marked in every picture.
        span: the time shown at first, such as ``6h``.
    """

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    annotations: tuple[Annotation, ...] = ()
    span: str = "6h"


UPPER, LOWER = "upper 95 %", "lower 95 %"
"""The series between which a `Panel.band` is filled."""

RELOADS = Annotation(
    "Policy changes",
    "guardtune_policy_info unless guardtune_policy_info offset 2m",
    "purple",
)
"""A version that is in force and was not two minutes ago; its labels say which."""

ROLLOUTS = Annotation(
    "Promoted, rolled back",
    "guardtune_policy_share != guardtune_policy_share offset 2m",
    "orange",
)
"""A version whose share is another than two minutes ago; its labels say which."""
