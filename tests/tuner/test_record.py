"""A run read back from its decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.errors import StoreError
from proxy.evaluation.store import Decision, EvaluationStore, Run
from tuner.config import RunConfig
from tuner.genome import Genome
from tuner.record import Record

GENERATION: dict[str, Any] = {
    "number": 0,
    "candidates": {"k": {"slots": ["care", None], "demonstrations": [], "decoding": [None] * 4}},
    "stayed": ["k"],
    "survivors": [
        {"key": "worse", "harmful": [1, 8], "violation": 0.2, "excess": 0.3},
        {"key": "k", "harmful": [3, 8], "violation": 0.0, "excess": 0.0},
    ],
}


def record(config: RunConfig, *decisions: Decision) -> Record:
    """A record of these decisions."""
    return Record(Run("r", 0.0, config.as_json()), decisions)


def test_genomes_are_found_by_key(toy_config: RunConfig) -> None:
    """Whatever generation they were born in."""
    one = record(toy_config, Decision("generation", GENERATION))
    assert one.genome("k") == Genome(("care", None), (), (None,) * 4)
    with pytest.raises(StoreError, match="no candidate"):
        one.genome("ghost")


def test_the_best_guess_depends_on_how_far_the_run_came(toy_config: RunConfig) -> None:
    """Chosen, else validated, else searched, else nothing."""
    generation = Decision("generation", GENERATION)
    undecided = Decision("validation", {"chosen": None, "tested": "b"})
    decided = Decision("validation", {"chosen": "a", "tested": "a"})
    assert record(toy_config).best_guess is None
    assert record(toy_config, generation).best_guess == "k"
    assert record(toy_config, generation, undecided).best_guess == "b"
    assert record(toy_config, generation, decided).best_guess == "a"


def test_before_validation_the_most_promising_survivor_is_the_best_guess(
    toy_config: RunConfig,
) -> None:
    """Not the luckiest, as few answers make it, and never the base policy."""
    base = toy_config.base_policy.phenotype
    survivors = [
        {"key": "lucky", "harmful": [0, 2], "violation": 0.0, "excess": 0.0, "promise": 0.1},
        {"key": "proven", "harmful": [4, 40], "violation": 0.0, "excess": 0.01, "promise": 0.3},
        {"key": "broken", "harmful": [0, 40], "violation": 0.1, "excess": 0.1, "promise": 0.9},
        {"key": base, "harmful": [20, 40], "violation": 0.0, "excess": 0.0, "promise": 0.5},
    ]
    found = record(toy_config, Decision("generation", {**GENERATION, "survivors": survivors}))
    assert found.best_guess == "proven"
    alone = record(toy_config, Decision("generation", {**GENERATION, "survivors": survivors[3:]}))
    assert alone.best_guess is None


def test_the_latest_fitting_run_is_loaded(tmp_path: Path, toy_config: RunConfig) -> None:
    """Resume wants an unfinished one, a report any."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        for run in ("one", "two", "three"):
            store.add_run(Run(run, 0.0, toy_config.as_json()))
        store.add_decision("three", 0, Decision("finished", {"chosen": None}))
        assert Record.load(store, None).run.id == "three"
        assert Record.load(store, None, unfinished=True).run.id == "two"
        assert Record.load(store, "one").run.id == "one"
        with pytest.raises(StoreError, match=r"no unfinished run 'three'\. There are: one, two"):
            Record.load(store, "three", unfinished=True)


def test_a_run_that_never_began_is_not_the_latest(tmp_path: Path, toy_config: RunConfig) -> None:
    """Its model could not be started, say; what can be gone on with is the one before."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        store.add_run(Run("begun", 1.0, toy_config.as_json()))
        assert Record.load(store, None).run.id == "begun"
        store.add_decision("begun", 0, Decision("run", {}))
        store.add_run(Run("failed", 2.0, toy_config.as_json()))
        assert Record.load(store, None).run.id == "begun"
        assert Record.load(store, None, unfinished=True).run.id == "begun"
        assert Record.load(store, "failed").run.id == "failed"
