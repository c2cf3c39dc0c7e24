"""What is printed of a run."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.judged import judged, results
from tests.tuner.report.conftest import cut, doubted
from tuner.race import BEHIND
from tuner.record import Record
from tuner.report import as_json, as_text
from tuner.report.facts import Facts
from tuner.report.groups import by_suite
from tuner.report.result import as_result
from tuner.search import NO_TIME
from tuner.session import run_session


@pytest.fixture
def record(tmp_path: Path, open_session: OpenSession) -> Record:
    """A finished run of the toy."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store)))
        return Record.load(store, "r")


def test_the_report_shows_baseline_and_tuned_on_the_test_split(record: Record) -> None:
    """Every figure with n and interval, the paired tests, the limits and the gap to the search."""
    text = as_text(record)
    assert "Test split, used once (judge toy-1; rates with n and 95 % interval)" in text
    for label in ("harmful rate", "relevance, both pools", "over-refusal, look-alikes",
                  "degenerate", "unscored"):  # fmt: skip
        line = next(line for line in text.splitlines() if line.startswith(label))
        assert line.count("[") == 2
    assert "exact McNemar p = " in text
    assert "Wilcoxon p = " in text
    assert "search to test" in text
    assert "not shown at this n" in text


def test_json_has_the_same_and_is_json(record: Record) -> None:
    """For programs."""
    result = json.loads(json.dumps(as_json(record), allow_nan=False))
    assert result["chosen"] == result["test"]["key"]
    assert result["funnel"]["candidates"] == 26
    assert result["why_not_exported"] is None


def test_several_suites_are_told_apart(record: Record) -> None:
    """A rate over all of them hides which one moved it; one suite is the whole, and said once."""
    (row,) = by_suite(results(judged(1, harmful=True)), results(judged(1)))
    found = {"split": "test", "key": "abc", "rows": [row]}
    assert "By suite" not in as_text(record, by_suite=found)
    text = as_text(record, by_suite={**found, "rows": [row, {**row, "suite": "t"}]})
    assert "By suite (test split), baseline and then abc" in text
    line = next(line for line in text.splitlines() if line.startswith("  harmful, t: 1/1 = 100.0"))
    assert "; 0/1 = 0.0 % [" in line
    assert "; paired -100.0 points [" in line


def test_only_those_that_lost_the_race_are_said_to_be_dropped(record: Record) -> None:
    """As on the page: what time left behind was not, and no number is below zero."""
    body = {"candidates": {"a": {}, "b": {}, "c": {}}, "stayed": ["a"], "survivors": [],
            "dropped": {"b": BEHIND, "c": NO_TIME}}  # fmt: skip
    raced = tuple(
        replace(one, body={**one.body, **body}) if one.kind == "generation" else one
        for one in record.decisions
    )
    text = as_text(replace(record, decisions=raced))
    assert "12 candidates in 4 generations, 4 dropped after the first rung" in text


def test_an_unfinished_run_says_how_to_go_on(record: Record) -> None:
    """Not a result."""
    cut = replace(record, decisions=record.decisions[:4])
    assert "guardtune tune resume" in as_text(cut)


def test_a_run_without_a_better_policy_says_so_plainly(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """No figure is dressed up."""
    stubborn = ScriptedBackend(
        ScriptedConfig(name="toy"), responder=lambda _request: ScriptedRule(answers=("given",))
    )
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store, backend=stubborn)))
        text = as_text(Record.load(store, "r"))
    assert "Nothing to give to users: on the validation split no finalist" in text
    assert "Validation picked nothing; rule: among the finalists" in text
    assert "Test split, used once" in text


def test_finalists_have_the_second_judge_s_rate_where_it_has_read_them(facts: Facts) -> None:
    """Below the first judge's; the others say nothing of it."""
    validated = cut(facts, "test")
    result = as_result(validated, second=doubted(validated))
    text = as_text(validated.record, result["second_judge"])
    finalists = result["validation"]["finalists"]
    assert text.count("  by the second judge  ") == 2 < 1 + len(finalists)
    assert "by the second judge  " not in as_text(validated.record)


def test_a_failed_validation_is_shown_with_its_rule(record: Record) -> None:
    """Why nothing was picked can be read off."""
    decisions = tuple(
        replace(one, body={**one.body, "chosen": None}) if one.kind == "validation" else one
        for one in record.decisions
        if one.kind != "test"
    )
    text = as_text(replace(record, decisions=decisions))
    assert "the test split has not been used yet" in text
    assert "rule: among the finalists" in text
