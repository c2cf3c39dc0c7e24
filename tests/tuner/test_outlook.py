"""How long a run will take is known early, and is so."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import re
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest
from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import PRESET, respond
from tuner.outlook import Outlook
from tuner.presets import PRESETS, Rung
from tuner.session import run_session

PACED = dataclasses.replace(
    PRESET, generations=5, first=(Rung(4, 2), Rung(8, 6)), second=(Rung(10, 8), Rung(24, 20)),
    search_s=300.0, total_s=500.0,
)  # fmt: skip


@pytest.mark.parametrize("answer_s", [0.1, 0.3, 1.0], ids=["fast", "as-planned", "slow"])
def test_from_generation_two_on_the_minutes_are_right_to_a_fifth(
    tmp_path: Path, open_session: OpenSession, answer_s: float
) -> None:
    """Whether the run has time left over, fits its prompts to it, or cannot keep to it."""
    now = 0.0

    def slow(request: ChatRequest) -> ScriptedRule:
        nonlocal now
        now += answer_s
        return respond(request)

    stream = io.StringIO()
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=slow)
        session = open_session(
            store, preset=PACED, backend=backend, stream=stream, clock=lambda: now
        )
        asyncio.run(run_session(session))
    said = re.findall(r"the run takes about ([\d.]+) minutes", stream.getvalue())
    assert len(said) == 2
    assert float(said[-1]) == pytest.approx(now / 60, rel=0.2)


def test_without_a_race_all_answer_the_same_sample() -> None:
    """By hand: 26 candidates of 28 prompts, three finalists and the baseline, and a test."""
    split = Rung(40, 40)
    outlook = Outlook(PRESET, races=False, search=split, validation=split, test=split)
    assert outlook.ends_at_s(0, 0.0, 2.0) == (26 * 28 + 4 * 60 + 2 * 80) / 2


def test_what_a_split_does_not_have_takes_no_time() -> None:
    """The built-in suite is smaller than the standard preset's test."""
    small, large = Rung(60, 60), Rung(500, 500)
    standard = PRESETS["standard"]
    ends = [
        Outlook(standard, races=True, search=large, validation=large, test=test).ends_at_s(0, 0, 9)
        for test in (small, large)
    ]
    assert ends[0] < ends[1]
