"""How far each candidate came."""

from __future__ import annotations

from tests.tuner.report.conftest import cut
from tests.tuner.toy import PRESET
from tuner.report.facts import Facts
from tuner.report.trials import funnel, trials


def test_every_candidate_has_its_stage_and_its_measurement(facts: Facts) -> None:
    """One was tested, the finalists were validated, and the baseline is marked."""
    rows = trials(facts)
    assert len(rows) == PRESET.candidates
    assert sum(one["stage"] == "tested" for one in rows) == 1
    assert sum(one["stage"] == "finalist" for one in rows) == PRESET.finalists - 1
    assert [one["key"] for one in rows if one["is_baseline"]] == [facts.baseline.key]
    assert all(one["measured"]["harmful"]["n"] >= 8 for one in rows)
    others = {"dropped", "raced", "survived"}
    assert all(one["is_best"] == (one["stage"] not in others) for one in rows)
    assert {one["is_best"] for one in rows} == {True, False}


def test_the_funnel_counts_what_the_race_saved(facts: Facts) -> None:
    """Fourteen prompts less for each candidate that was dropped."""
    found = funnel(facts.record)
    assert found["reached"][0] == {"stage": "tried", "candidates": PRESET.candidates}
    assert found["reached"][-1] == {"stage": "tested", "candidates": 1}
    assert found["answers_saved"] == 14 * found["dropped_early"]
    assert sum(one["bred"] for one in found["generations"]) == found["bred"] == PRESET.candidates


def test_before_the_end_there_are_no_finalists(facts: Facts) -> None:
    """A running search."""
    early = cut(facts, "qualifying")
    assert {one["stage"] for one in trials(early)} <= {"dropped", "raced", "survived", "front"}
    assert funnel(early.record)["reached"][-2:] == [
        {"stage": "validated", "candidates": 0},
        {"stage": "tested", "candidates": 0},
    ]
