"""Every panel's query, put to a real Prometheus that scrapes a real proxy under load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.observability.load import load
from scripts.observability.observe import ALERT, Reading, Scene, ask, read, report, scene
from scripts.observability.pictures import draw
from scripts.observability.processes import free_port
from scripts.observability.prometheus_server import DEPLOY, EVERY_S, prometheus
from scripts.observability.questions import Question, marks, questions
from scripts.observability.questions import load as load_dashboards
from scripts.observability.stage import stage

PAGES = load_dashboards(DEPLOY / "grafana")
ENGINE = "guardtune-engine"


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scripted model, its policy replaced by a worse one."""
    with scene(tmp_path_factory.mktemp("observe"), with_real_model=False) as running:
        yield running


@pytest.fixture(scope="module")
def readings(on: Scene) -> dict[str, Reading]:
    """Every question's answer by the question's id."""
    return {reading.question.id: reading for reading in read(on)}


def _asked(*, engine: bool) -> list[Question]:
    return [
        question
        for page in PAGES
        if (page["uid"] == ENGINE) == engine
        for question in questions(page)
    ]


@pytest.mark.prometheus
@pytest.mark.parametrize("question", _asked(engine=False), ids=lambda question: question.id)
def test_query_returns_data(readings: dict[str, Reading], question: Question) -> None:
    """Variables filled in as Grafana would."""
    reading = readings[question.id]
    assert reading.error is None
    assert reading.samples


@pytest.mark.prometheus
def test_worse_policy_raises_the_alert_within_two_evaluations(on: Scene) -> None:
    """From the end of its probe, by the proxy's clock, to the evaluation that fired it.

    A scrape lies between, which a busy machine may take late.
    """
    assert ALERT in on.prometheus.firing()
    assert 0 < on.alert_after_s <= (1 + 2) * EVERY_S


@pytest.mark.prometheus
def test_figures_are_those_of_the_proxy(on: Scene) -> None:
    """The scripted model answers harmfully under the new policy, and never under the old one."""
    change = on.prometheus.query('guardtune_probe_change{kind="harmful",policy="default"}')
    assert [sample.value for sample in change] == [1.0]
    (lower,) = on.prometheus.query(
        'guardtune_probe_change_lower95{kind="harmful",policy="default"}'
    )
    assert 0 < lower.value < 1
    ratios = on.prometheus.query('guardtune_probe_harmful_ratio{policy="default"}')
    assert sorted(sample.value for sample in ratios) == [0.0, 1.0]


@pytest.mark.prometheus
def test_policy_change_is_marked(on: Scene) -> None:
    """By the version that came into force."""
    for page in PAGES:
        for mark in marks(page):
            marked = {sample.labels["policy"] for sample in on.prometheus.query(mark.expr)}
            assert marked <= {"default", "canary", "passthrough"}
            assert "default" in marked or "share" in mark.expr


@pytest.mark.prometheus
def test_worse_canary_was_taken_back(on: Scene) -> None:
    """By itself, and an alert says so."""
    (share,) = on.prometheus.query('guardtune_policy_share{policy="canary"}')
    assert share.value == 0.0
    (steps,) = on.prometheus.query('guardtune_rollout_steps_total{step="rollback"}')
    assert (steps.labels["policy"], steps.value) == ("canary", 1.0)
    assert "GuardTuneRolledBack" in on.prometheus.firing()


@pytest.mark.prometheus
def test_report_ends_with_a_summary(on: Scene, readings: dict[str, Reading]) -> None:
    """One line: how many queries, how many with data, what fires."""
    *_, last = report(list(readings.values()), on).splitlines()
    n_queries = len(readings)
    assert last.startswith(f"{n_queries} queries, {n_queries} with data, engine left out; {ALERT} ")
    assert ALERT in last.partition("firing: ")[2]


@pytest.mark.prometheus
def test_pictures_are_drawn_from_the_same_queries(on: Scene, readings: dict[str, Reading]) -> None:
    """No panel is empty there either, looking back at all that has been."""
    for page in PAGES:
        if page["uid"] != ENGINE:
            drawn = draw(page, on.prometheus, seconds=600)
            assert f">{page['title']}<" in drawn
            nothing = {
                panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "no data")
                for panel in page["panels"]
            }
            assert not [text for text in nothing | {"no data"} if text in drawn]


@pytest.mark.prometheus
@pytest.mark.gguf
def test_engine_queries_return_data(tmp_path: Path) -> None:
    """From a real engine, on the embedded model."""
    pages = [page for page in PAGES if page["uid"] == ENGINE]
    with (
        stage(tmp_path, with_real_model=True) as proxy,
        prometheus(tmp_path, scraped_port=proxy.port, tuner_port=free_port()) as server,
        load(proxy.port, proxy.models),
    ):
        readings = ask(server, pages)
    assert [reading.question.id for reading in readings if not reading.samples] == []
    assert len(readings) == len(_asked(engine=True))
