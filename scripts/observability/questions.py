"""What the dashboards ask, as Grafana would put it to Prometheus: variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LabelValues = Callable[[str, str], Sequence[str]]
"""Asks which values a label has on the series of a selector: (selector, label) → values, sorted."""

_CALL = re.compile(r"label_values\((?P<series>.+), *(?P<label>\w+)\)")


@dataclass(frozen=True, slots=True)
class Question:
    """One query of one panel, or of an annotation.

    Args:
        dashboard: its title.
        panel: its title.
        name: the query's letter; empty for an annotation.
        expr: PromQL with Grafana's variables.
        legend: the series' name, with ``{{label}}``.
        repeat: the variable whose values the panel is drawn for one by one.
    """

    dashboard: str
    panel: str
    name: str
    expr: str
    legend: str
    repeat: str | None = None

    @property
    def id(self) -> str:
        """Short and unique, for lists."""
        return f"{self.dashboard} / {self.panel} / {self.name}"


def load(folder: Path) -> tuple[dict[str, Any], ...]:
    """The generated dashboards of a folder, in order of name."""
    return tuple(json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json")))


def questions(dashboard: Mapping[str, Any]) -> Iterator[Question]:
    """Every query of a dashboard, in the order of the page."""
    title = dashboard["title"].removeprefix("GuardTune: ")
    row = ""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        for target in panel.get("targets", ()):
            yield Question(
                title,
                f"{row} / {panel['title']}",
                target["refId"],
                target["expr"],
                target["legendFormat"],
                panel.get("repeat"),
            )


def marks(dashboard: Mapping[str, Any]) -> Iterator[Question]:
    """What marks moments in every picture; most of the time there is nothing to mark."""
    title = dashboard["title"].removeprefix("GuardTune: ")
    for annotation in dashboard["annotations"].get("list", ()):
        yield Question(title, annotation["name"], "", annotation["expr"], "")


def choices(dashboard: Mapping[str, Any], ask: LabelValues) -> dict[str, tuple[str, ...]]:
    """What is chosen for each variable when the page opens: all values, or the first.

    Raises:
        LookupError: a variable has no value yet.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        call = _CALL.fullmatch(variable["query"])
        if call is None:
            raise ValueError(f"variable {variable['name']} asks {variable['query']!r}")
        values = tuple(ask(fill(call["series"], chosen), call["label"]))
        if not values:
            raise LookupError(f"variable {variable['name']} has no value")
        chosen[variable["name"]] = values if variable["multi"] else values[:1]
    return chosen


def fill(
    expr: str,
    chosen: Mapping[str, Sequence[str]],
    *,
    repeat: str | None = None,
    rate_interval: str = "1m",
) -> str:
    """Put values in the place of ``$name``, and of Grafana's own ``$__rate_interval``.

    Args:
        expr: PromQL with variables.
        chosen: the values of each.
        repeat: a variable of which only the first value is meant: the first of repeated panels.
        rate_interval: what Grafana works out from the page's width and the scrape interval.

    Raises:
        KeyError: a variable that the dashboard does not have.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "__rate_interval":
            return rate_interval
        return chosen[name][0] if name == repeat else _either(chosen[name])

    return re.sub(r"\$(\w+)", value, expr)


def _either(values: Sequence[str]) -> str:
    """As Grafana writes several values: a regular expression, in a PromQL string."""
    if len(values) == 1:
        return values[0]
    return f"({'|'.join(re.escape(value) for value in values)})".replace("\\", "\\\\")
