"""Each dashboard's data of the last minutes, drawn from its own queries."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.observability.picture import Drawing, Line, sheet
from scripts.observability.prometheus_server import EVERY_S, Prometheus
from scripts.observability.questions import choices, fill

RATE_INTERVAL = "10s"


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
    drawings = [
        _drawing(panel, chosen, server, start=end - seconds, end=end)
        for panel in dashboard["panels"]
        if panel["type"] != "row"
    ]
    return sheet(dashboard["title"], drawings)


def _drawing(
    panel: Mapping[str, Any],
    chosen: Mapping[str, Sequence[str]],
    server: Prometheus,
    *,
    start: float,
    end: float,
) -> Drawing:
    repeat = panel.get("repeat")
    lines: list[Line] = []
    for target in panel["targets"]:
        expr = fill(target["expr"], chosen, repeat=repeat, rate_interval=RATE_INTERVAL)
        for labels, points in server.query_range(expr, start=start, end=end, step_s=EVERY_S):
            finite = tuple(point for point in points if math.isfinite(point[1]))
            lines.append(Line(legend(target["legendFormat"], labels), finite))
    return Drawing(
        title=fill(panel["title"], chosen, repeat=repeat),
        unit=panel["fieldConfig"]["defaults"]["unit"],
        kind="lines" if panel["type"] == "timeseries" else "bars",
        lines=tuple(lines),
    )


def legend(template: str, labels: Mapping[str, str]) -> str:
    """The series' name, as Grafana makes it."""
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), template)
