"""Each dashboard's data of the last minutes, drawn from its own queries."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from scripts.observability.picture import Drawing, Frame, Line, Section, sheet
from scripts.observability.prometheus_server import EVERY_S, Prometheus
from scripts.observability.questions import choices, fill

RATE_INTERVAL = "10s"
_POINTS = 120
"""Of a line: more than there are pixels for between two of them would only make files larger."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at, in Unix seconds and seconds between points."""

    start: float
    end: float
    step_s: float


def draw(dashboard: Mapping[str, Any], server: Prometheus, *, seconds: float) -> str:
    """The dashboard as an SVG file.

    Args:
        dashboard: its JSON.
        server: where the data is.
        seconds: how far back.

    Raises:
        LookupError: a variable has no value yet.
    """
    chosen = choices(dashboard, server.label_values)
    end = time.time()
    span = Span(end - seconds, end, max(EVERY_S, round(seconds / _POINTS)))
    sections: list[Section] = []
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            sections.append(Section(panel["title"], ()))
        else:
            drawing = _drawing(panel, chosen, server, span)
            sections[-1] = replace(sections[-1], drawings=(*sections[-1].drawings, drawing))
    marks = tuple(_marks(dashboard, server, span))
    return sheet(dashboard["title"], sections, Frame(span.start, span.end, marks))


def _drawing(
    panel: Mapping[str, Any],
    chosen: Mapping[str, Sequence[str]],
    server: Prometheus,
    span: Span,
) -> Drawing:
    repeat, defaults = panel.get("repeat"), panel["fieldConfig"]["defaults"]
    is_curve = panel["type"] == "timeseries"
    lines: list[Line] = []
    for target in panel["targets"]:
        expr = fill(target["expr"], chosen, repeat=repeat, rate_interval=RATE_INTERVAL)
        for labels, points in _answer(server, expr, span if is_curve else None):
            finite = tuple(point for point in points if math.isfinite(point[1]))
            lines.append(Line(legend(target["legendFormat"], labels), finite))
    return Drawing(
        title=fill(panel["title"], chosen, repeat=repeat),
        unit=defaults["unit"],
        kind="lines" if is_curve else "bars",
        lines=tuple(lines),
        columns=panel["gridPos"]["w"],
        nothing=defaults.get("noValue"),
    )


def _answer(
    server: Prometheus, expr: str, span: Span | None
) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
    """Each series with its points; with the one of now where no span is looked at."""
    if span is not None:
        return server.query_range(expr, **asdict(span))
    return [(sample.labels, [(0.0, sample.value)]) for sample in server.query(expr)]


def _marks(
    dashboard: Mapping[str, Any], server: Prometheus, span: Span
) -> Iterator[tuple[float, str]]:
    """When what an annotation asks for began; not what was so already when the picture begins."""
    for annotation in dashboard["annotations"].get("list", ()):
        for _, points in server.query_range(annotation["expr"], **asdict(span)):
            times = [time for time, _ in points]
            before = [span.start, *times]
            for now, then in zip(times, before, strict=False):
                if now - then > 2 * span.step_s:
                    yield now, annotation["iconColor"]


def legend(template: str, labels: Mapping[str, str]) -> str:
    """The series' name, as Grafana makes it."""
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), template)
