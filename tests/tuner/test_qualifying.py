"""The most promising candidates are known well before finalists are chosen from among them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import PRESET, toy_suite
from tuner.presets import Preset, Rung
from tuner.record import Record
from tuner.report.facts import Facts
from tuner.session import run_session


@pytest.fixture
def facts(tmp_path: Path, open_session: OpenSession) -> Iterator[Facts]:
    """Of a finished run of the toy, in which time is no object."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        yield facts_of(store, open_session, PRESET)


def facts_of(store: EvaluationStore, open_session: OpenSession, preset: Preset) -> Facts:
    """Have the toy run, and read what it has left."""
    asyncio.run(run_session(open_session(store, preset=preset)))
    return Facts(Record.load(store, "r"), store, preset, toy_suite())


def test_qualifiers_and_the_baseline_answer_the_rung(facts: Facts) -> None:
    """All that time allows, which is the most; some others are known by less."""
    observed = facts.record.find("qualifying")
    assert observed is not None
    assert Rung(*observed["rung"]) == PRESET.qualifying[1]
    assert len(observed["qualifiers"]) == PRESET.qualifiers
    known = {key: len(facts.of(one, "search")) for key, one in facts.candidates.items()}
    known[facts.baseline.key] = len(facts.of(facts.baseline, "search"))
    asked = {facts.baseline.key, *observed["qualifiers"]}
    assert min(known[key] for key in asked) >= PRESET.qualifying[1].prompts
    assert min(known[key] for key in set(known) - asked) < PRESET.qualifying[0].prompts


def test_finalists_are_qualifiers(facts: Facts) -> None:
    """Nobody who is known by a few answers alone overtakes them."""
    observed, validation = (facts.record.find(kind) for kind in ("qualifying", "validation"))
    assert observed is not None
    assert validation is not None
    assert set(validation["finalists"]) <= set(observed["qualifiers"])
    assert len(validation["finalists"]) == PRESET.finalists


def test_without_time_the_look_is_as_short_as_may_be(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Never below the least."""
    preset = dataclasses.replace(PRESET, total_s=-1.0)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        observed = facts_of(store, open_session, preset).record.find("qualifying")
    assert observed is not None
    assert Rung(*observed["rung"]) == PRESET.qualifying[0]


def test_without_qualifiers_nothing_is_written_down(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Finalists come from all that the search has tried, as in `quick`."""
    preset = dataclasses.replace(PRESET, qualifiers=0)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        record = facts_of(store, open_session, preset).record
    assert record.find("qualifying") is None
    assert record.find("test") is not None
