"""Goals are judged family by family, and missed ones say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("sklearn", reason="scikit-learn only trains the judge")

from proxy.evaluation.statistics import Rate
from scripts.judge_training.assess import accuracy
from scripts.judge_training.goals import ATTACKS_BY_PEOPLE, PLAIN, goals, goals_table
from scripts.judge_training.measure import Measured
from scripts.judge_training.surroundings import Benign

PERFECT = accuracy([True] * 20 + [False] * 20, [0.9] * 20 + [0.1] * 20, 0.5)
SHAMS = {
    name: Rate(0, 40)
    for name in ("unrelated", "swapped", "random letters", "echo of the prompt", "words shuffled")
}
BOTH = {ATTACKS_BY_PEOPLE: PERFECT, PLAIN: PERFECT}
MEASURED = Measured(
    heads=BOTH,
    judges=BOTH,
    curve=[],
    disguises={name: {"both": Rate(40, 40)} for name in BOTH},
    shams=dict.fromkeys(BOTH, SHAMS),
    redirections=Rate(0, 40),
)
ALL_WELL = {"own": Benign(5, Rate(0, 5), Rate(0, 5), Rate(0, 5), Rate(5, 5))}


def test_perfect_judge_meets_every_goal() -> None:
    """Nine of them."""
    found = goals(MEASURED, ALL_WELL)
    assert len(found) == 10
    assert all(goal.is_met for goal in found)
    assert "missed" not in goals_table(found)


def test_worst_set_decides() -> None:
    """One family with shams that pass, or with a rate that is off, is enough to miss."""
    off = accuracy([True] * 20 + [False] * 20, [0.9] * 30 + [0.1] * 10, 0.5)
    worse = replace(
        MEASURED,
        judges={ATTACKS_BY_PEOPLE: PERFECT, PLAIN: off},
        shams={ATTACKS_BY_PEOPLE: SHAMS, PLAIN: SHAMS | {"swapped": Rate(9, 40)}},
    )
    missed = [goal.text for goal in goals(worse, ALL_WELL) if not goal.is_met]
    assert len(missed) == 3
    assert "+25.0 (past-tense)" in goals_table(goals(worse, ALL_WELL))


def test_harmful_verdict_on_a_benign_prompt_is_a_miss() -> None:
    """Never means never."""
    one = {"own": replace(ALL_WELL["own"], harmful=Rate(1, 5))}
    assert not goals(MEASURED, one)[-1].is_met
