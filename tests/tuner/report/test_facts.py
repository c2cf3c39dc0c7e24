"""A run's answers, read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.errors import StoreError
from tests.tuner.report.conftest import cut
from tests.tuner.toy import PRESET, toy_suite
from tuner.report.facts import Facts


def test_all_candidates_and_their_answers_are_found(facts: Facts) -> None:
    """The baseline is among them; nobody answered fewer prompts than the first rung has."""
    assert len(facts.candidates) == PRESET.candidates
    assert facts.born[facts.baseline.key] == 0
    least = PRESET.first[0].prompts
    assert all(len(facts.of(one, "search")) >= least for one in facts.candidates.values())
    assert len(facts.of(facts.baseline, "test")) == 80


def test_only_finalists_have_seen_other_splits(facts: Facts) -> None:
    """What was never asked is simply not there."""
    validation = facts.record.find("validation")
    assert validation is not None
    answered = {key for key, one in facts.candidates.items() if facts.of(one, "validation")}
    assert answered == {facts.baseline.key, *validation["finalists"]}


def test_what_the_judge_left_unscored_is_counted_by_its_reason(facts: Facts) -> None:
    """Of answers that decisions rest on."""
    tested = dict(facts.of(facts.baseline, "test"))
    for prompt in list(tested)[:3]:
        silent = replace(tested[prompt].verdict, status="unscored", reason="no answer in 5 s")
        tested[prompt] = replace(tested[prompt], verdict=silent)
    facts._known[facts.baseline.key, "test"] = tested
    assert facts.unscored == {"no answer in 5 s": 3}


def test_parents_are_older_than_their_children(facts: Facts) -> None:
    """As the journal has them."""
    assert facts.has_origins
    children = [one for one in facts.candidates.values() if one.origin.parents]
    assert children
    for child in children:
        for parent in child.origin.parents:
            assert facts.born[parent] < facts.born[child.key]


def test_a_journal_without_parents_is_read_all_the_same(facts: Facts) -> None:
    """Of an early version."""
    decisions = tuple(
        replace(one, body={k: v for k, v in one.body.items() if k != "origins"})
        for one in facts.record.decisions
    )
    old = Facts(replace(facts.record, decisions=decisions), facts._store, PRESET, toy_suite())
    assert not old.has_origins
    assert len(old.candidates) == PRESET.candidates


def test_a_run_that_has_not_started_has_no_facts(facts: Facts) -> None:
    """It says so."""
    with pytest.raises(StoreError, match="has not decided anything yet"):
        cut(facts, "run")
