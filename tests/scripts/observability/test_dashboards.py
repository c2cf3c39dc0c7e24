"""The dashboards: as generated, sound, and about metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from proxy.metrics import CATALOGUE
from proxy.metrics.engine import FIGURES, RESTARTS
from scripts.observability.dashboards import DASHBOARDS
from scripts.observability.grafana import render
from scripts.observability.questions import load, marks, questions
from tuner.metrics import CATALOGUE as TUNER

ROOT = Path(__file__).parents[3]
NAME = re.compile(r"(?:guardtune_|llamacpp:)[a-z0-9_]+")
PAGES = load(ROOT / "deploy" / "grafana")
DEPLOYED = pytest.mark.parametrize("page", PAGES, ids=lambda page: page["uid"])

NOT_SHOWN = {
    "guardtune_policy_reloads_total",
    "guardtune_policy_last_reload_timestamp_seconds",
    "guardtune_probe_interval_seconds",
    "guardtune_workers",
    "guardtune_worker_restarts_total",
    "guardtune_requests_lost_total",
}
"""Metrics that only alerts and curious people ask for."""


def _known() -> set[str]:
    ours = {spec.name for spec in CATALOGUE} | {spec.name for spec in TUNER}
    return ours | set(FIGURES) | {RESTARTS[0]}


def _asked() -> Iterator[str]:
    for page in PAGES:
        for question in (*questions(page), *marks(page)):
            yield from NAME.findall(question.expr)
        for variable in page["templating"]["list"]:
            yield from NAME.findall(str(variable["query"]))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_file_is_what_the_code_generates(name: str) -> None:
    """`make docs` writes it anew."""
    assert (ROOT / name).read_text("utf-8") == render(DASHBOARDS[name])


def test_no_file_is_left_that_nothing_generates() -> None:
    """Grafana would go on showing it."""
    assert {f"deploy/grafana/{page['uid']}.json" for page in PAGES} == set(DASHBOARDS)


@DEPLOYED
def test_page_survives_the_sdk_round_trip(page: dict[str, Any]) -> None:
    """What Grafana's own types read and write again is all there."""
    again = json.dumps(Dashboard.from_json(page), cls=JSONEncoder, sort_keys=True)
    assert json.loads(again) == page


@DEPLOYED
def test_panels_are_explained_and_do_not_overlap(page: dict[str, Any]) -> None:
    """Each says how to read it; none hides another."""
    cells: set[tuple[int, int]] = set()
    for panel in page["panels"]:
        assert panel["type"] == "row" or panel["description"].endswith((".", ")"))
        at = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not covered & cells, panel["title"]
        assert max(x for x, _ in covered) < 24
        cells |= covered


@DEPLOYED
def test_panels_have_ids_of_their_own(page: dict[str, Any]) -> None:
    """Links to one panel hold its id."""
    ids = [panel["id"] for panel in page["panels"] if panel["type"] != "row"]
    assert len(set(ids)) == len(ids)


@DEPLOYED
def test_every_query_goes_to_the_chosen_source(page: dict[str, Any]) -> None:
    """Not to whatever is the default there."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    panels = [panel for panel in page["panels"] if panel["type"] != "row"]
    assert all(panel["datasource"] == chosen for panel in panels)
    assert all(item["datasource"] == chosen for panel in panels for item in panel["targets"])


def test_queries_ask_only_for_metrics_that_exist() -> None:
    """A renamed metric would leave an empty panel."""
    asked = {re.sub(r"_bucket$", "", name) for name in _asked()}
    assert asked <= _known()


def test_every_metric_is_on_a_dashboard() -> None:
    """Or is left out on purpose."""
    asked = {re.sub(r"_bucket$", "", name) for name in _asked()}
    assert _known() - asked == NOT_SHOWN
