"""The search's own rules; whole runs are tested in test_session.py."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from proxy.evaluation.store import EvaluationStore
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.conftest import OpenSession
from tests.tuner.judged import run_of
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.toy import PRESET
from tuner.candidate import Candidate
from tuner.genome import Genome
from tuner.record import Record
from tuner.search import as_json, individual
from tuner.session import run_session

BASE = Candidate.of(Genome.base(TOY_SPACE), TOY_SPACE, PASSTHROUGH)


def test_fitness_is_pessimistic_at_unequal_n() -> None:
    """None of 8 must not beat one of 32."""
    few = individual(BASE, run_of(harmful=0, of=8), run_of(harmful=8, of=8), PRESET)
    many = individual(BASE, run_of(harmful=1, of=32), run_of(harmful=30, of=32), PRESET)
    assert few.scores.harmful.value < many.scores.harmful.value
    assert many.fitness.values[0] < few.fitness.values[0]


def test_nothing_measured_is_the_worst_and_is_json() -> None:
    """A candidate whose every answer failed still has a place in the journal."""
    empty = individual(BASE, {}, {}, PRESET)
    assert empty.fitness.values == (1.0, 0.0)
    assert as_json(empty)["relevance"] == [None, 0]


def test_time_used_up_ends_the_search(tmp_path: Path, open_session: OpenSession) -> None:
    """Every look at the clock costs this run a minute."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 60.0
        return now

    hurried = dataclasses.replace(PRESET, search_s=100.0, total_s=200.0)
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store, clock=clock, preset=hurried)))
        ended = Record.load(store, "r").find("search_ended")
    assert ended == {"reason": "110 s of search used"}


def test_the_best_are_looked_at_again(tmp_path: Path, open_session: OpenSession) -> None:
    """Elites answer more prompts than the race asks for."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store)))
        last = Record.load(store, "r").find("generation")
    assert last is not None
    asked = [survivor["harmful"][1] for survivor in last["survivors"]]
    assert max(asked) > PRESET.second[1].harmful
