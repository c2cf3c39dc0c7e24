"""The search's own rules; whole runs are tested in test_session.py."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import PRESET
from tuner.record import Record
from tuner.session import run_session


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
