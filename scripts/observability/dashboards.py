"""All dashboards, each with the file it is written to."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.observability.dashboard import Dashboard
from scripts.observability.engine import ENGINE
from scripts.observability.harm import HARM
from scripts.observability.traffic import TRAFFIC
from scripts.observability.tuner_run import TUNER_RUN

DASHBOARDS: Mapping[str, Dashboard] = {
    f"deploy/grafana/{page.uid}.json": page for page in (HARM, TRAFFIC, ENGINE, TUNER_RUN)
}
