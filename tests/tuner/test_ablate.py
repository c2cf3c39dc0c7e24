"""The path from baseline to best is made whole, on validation prompts and within a budget."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path as File

import pytest

from proxy.backends.scripted import ScriptedBackend
from proxy.errors import StoreError, SuiteError
from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import ToyJudge
from tuner.ablate import Route, ablate, as_lines, route
from tuner.presets import Rung
from tuner.record import Record
from tuner.report.ablation import Path, path_on
from tuner.report.facts import Facts
from tuner.report.genes import Change
from tuner.session import Session, run_session

GENES = tuple(Change(f"gene-{n}", "off", "on") for n in range(5))


class NewJudge(ToyJudge):
    """Another version of the judge."""

    judge_id = "toy-2"


@pytest.fixture
def finished(tmp_path: File, open_session: OpenSession) -> Iterator[Session]:
    """A session of a run that has ended."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store)))
        yield open_session(store)


def known(session: Session) -> Path:
    """The path as the store has it."""
    record = Record.load(session.store, "r")
    facts = Facts(record, session.store, session.preset, session.suite)
    assert record.best_guess is not None
    return path_on(facts, facts.candidates[record.best_guess], "validation")


def test_a_path_is_made_whole_and_the_report_finds_it(finished: Session) -> None:
    """Greedily, since this model takes no time; and no decision is added."""
    decisions = finished.store.decisions("r")
    path = asyncio.run(ablate(finished, minutes=1))
    assert path.is_whole
    assert known(finished) == path
    assert path.split == "validation"
    assert finished.store.decisions("r") == decisions
    assert "The path is whole." in as_lines(path)
    for change, step in zip(path.differing, path.steps, strict=True):
        assert change.gene in as_lines(path)
        assert all(one.task.prompt.split == "validation" for one in step.results.values())


def test_a_whole_path_costs_nothing(finished: Session) -> None:
    """Answers are kept."""
    asyncio.run(ablate(finished, minutes=1))
    assert isinstance(finished.backend, ScriptedBackend)
    asked = len(finished.backend.requests)
    assert asyncio.run(ablate(finished, minutes=1)).is_whole
    assert len(finished.backend.requests) == asked


def test_no_policy_is_begun_after_the_time(finished: Session) -> None:
    """What is missing stays missing, and is said."""
    hurried = dataclasses.replace(finished, clock=iter(range(0, 1000, 7)).__next__)
    path = asyncio.run(ablate(hurried, minutes=0.1))
    assert not path.is_whole
    assert "the same command goes on" in as_lines(path)


def test_another_judge_cannot_go_on(finished: Session) -> None:
    """Steps by two judges are no path."""
    with pytest.raises(StoreError, match="has changed since"):
        asyncio.run(ablate(dataclasses.replace(finished, judge=NewJudge()), minutes=1))


def test_other_prompts_are_no_steps_of_the_path(finished: Session) -> None:
    """Nothing is asked on them."""
    changed = dataclasses.replace(finished.suite, sha256="1" * 64)
    asked = finished.store.count_answers()
    with pytest.raises(SuiteError, match="is not what run r was started with any more"):
        asyncio.run(ablate(dataclasses.replace(finished, suite=changed), minutes=1))
    assert finished.store.count_answers() == asked


def test_before_validation_there_is_no_best(tmp_path: File, open_session: OpenSession) -> None:
    """And nothing to walk to."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store)
        with pytest.raises(StoreError, match="has not validated"):
            asyncio.run(ablate(session, minutes=1))


def test_where_time_is_short_one_order_of_genes_will_do(
    finished: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole path all the same, with one policy a step."""
    missing = known(finished)
    monkeypatch.setattr("tuner.ablate._answers_per_s", lambda _record, _preset: 0.0)
    assert isinstance(finished.backend, ScriptedBackend)
    assert asyncio.run(ablate(finished, minutes=1)).is_whole
    each = 24  # the least: 12 of each kind
    left = len(missing.differing) - len(missing.steps)
    assert len(finished.backend.requests) <= (left - 1) * each


@pytest.mark.parametrize(
    ("affordable", "way"),
    [
        (10_000, Route(is_greedy=True, policies=14, rung=Rung(60, 60))),
        (14 * 60, Route(is_greedy=True, policies=14, rung=Rung(30, 30))),
        (200, Route(is_greedy=False, policies=4, rung=Rung(25, 25))),
        (0, Route(is_greedy=False, policies=4, rung=Rung(12, 12))),
    ],
)
def test_a_budget_decides_how_the_path_is_walked(affordable: float, way: Route) -> None:
    """Fewer prompts first, then one order of genes instead of the best one."""
    path = Path("validation", GENES, (), {}, 14)
    assert route(path, answered=Rung(60, 60), affordable=affordable) == way
