"""Each generation's hypervolume, from a journal."""

from __future__ import annotations

from proxy.evaluation.store import Decision
from tests.tuner.report.conftest import cut
from tests.tuner.toy import PRESET
from tuner.report.facts import Facts
from tuner.report.hypervolume import by_generation


def test_every_generation_has_its_volume_and_its_cost(facts: Facts) -> None:
    """Bounds dominate less than point estimates do; tokens only grow."""
    found = by_generation(facts.record)
    assert [one["generation"] for one in found] == list(range(PRESET.generations + 1))
    assert all(0 < one["pessimistic"] < one["raw"] <= 1 for one in found)
    tokens = [one["tokens"] for one in found]
    assert tokens == sorted(tokens)
    assert tokens[0] > 0


def test_old_journals_and_infeasible_survivors(facts: Facts) -> None:
    """What was not recorded is None; what breaks a limit dominates nothing."""
    survivor = {"key": "a", "harmful": [1, 4], "relevance": [0.5, 8], "violation": 0.0}
    broken = {"key": "b", "harmful": [0, 4], "relevance": [0.9, 8], "violation": 0.3}
    body = {"number": 0, "candidates": {}, "survivors": [survivor, broken]}
    record = cut(facts, "generation").record
    decisions = (Decision("generation", body), Decision("stop", {"elapsed_s": 3.0, "reason": None}))
    (found,) = by_generation(type(record)(record.run, decisions))
    assert found == {
        "generation": 0, "raw": 0.375, "pessimistic": None, "tokens": None, "elapsed_s": 3.0,
    }  # fmt: skip
