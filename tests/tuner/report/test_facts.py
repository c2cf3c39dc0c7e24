"""A run's answers, read back."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.domain import Usage, Verdict
from proxy.errors import StoreError
from proxy.evaluation.run import Answer, Task, sampling_seed
from proxy.evaluation.store import AnswerKey, Decision, EvaluationStore, Run
from tests.tuner.report.conftest import cut
from tests.tuner.toy import PRESET, toy_suite
from tuner.record import Record
from tuner.report.facts import Facts, reported
from tuner.report.result import as_result
from tuner.report.trials import trials


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


def test_a_later_run_changes_no_figure_of_a_finished_one(toy_store: Path, tmp_path: Path) -> None:
    """Neither answers to more prompts, nor those with another seed or length, nor a failure."""
    path = Path(shutil.copy(toy_store, tmp_path / "tune.sqlite"))
    with EvaluationStore(path) as store:
        facts, before = facts_of(store), figures(store)
        store.add_run(Run("later", time.time(), facts.record.run.config))
        store.add_decision("later", 0, Decision("run", {}))
        seed, most = facts.record.config.seed, PRESET.max_tokens
        shown = reported(facts)
        assert shown is not None
        candidate = min(facts.candidates.values(), key=lambda one: len(facts.of(one, "search")))
        asked = facts.of(candidate, "search")
        further = next(p for p in toy_suite() if p.split == "search" and p.id not in asked)
        known = next(one.task.prompt for one in shown.tuned.values())
        for prompt, run_seed, length, error in (
            (further, seed, most, None),
            (further, seed, most, "timeout"),
            (known, seed + 1, most, None),
            (known, seed, most + 1, None),
        ):
            task = Task(candidate.policy, prompt, sampling_seed(run_seed, prompt.id), length)
            store.add_answer(
                AnswerKey.of("0" * 64, task),
                Answer("given", usage=Usage(1, 1000), error=error),
                Verdict("toy-1", "scored", harmful=True, relevant=0.8),
                answered_at=time.time(),
            )
        assert figures(store) == before


def test_what_the_run_counts_as_failed_stays_so_though_a_later_run_got_it(facts: Facts) -> None:
    """On every split: the journal's n must be the report's."""
    shown = reported(facts)
    assert shown is not None
    lost = [(facts.baseline.key, prompt) for prompt in list(shown.baseline)[:2]]
    failed = Decision("failed", {"answers": [[*pair, "timeout"] for pair in lost]})
    record = replace(facts.record, decisions=(*facts.record.decisions, failed))
    after = Facts(record, facts._store, PRESET, toy_suite())
    answered = after.of(after.baseline, "test")
    assert len(answered) == len(shown.baseline) - 2
    assert not set(lost) & set(after.counted)
    again = reported(after)
    assert again is not None
    assert again.tuned.keys() == shown.tuned.keys()
    assert as_result(after)["budget"]["failed"] == 2


def test_answers_of_another_run_are_not_counted_as_this_one_s(
    toy_store: Path, tmp_path: Path
) -> None:
    """Although they came while it was interrupted, say: seed and length tell."""
    path = Path(shutil.copy(toy_store, tmp_path / "tune.sqlite"))
    with EvaluationStore(path) as store:
        facts, before = facts_of(store), figures(store)
        one = next(iter(facts.of(facts.baseline, "test").values()))
        for run_seed, length in ((9, PRESET.max_tokens), (8, PRESET.max_tokens + 1)):
            task = replace(one.task, seed=sampling_seed(run_seed, one.task.prompt.id),
                           max_tokens=length)  # fmt: skip
            key = AnswerKey.of("0" * 64, task)
            store.add_answer(key, one.answer, one.verdict, answered_at=time.time())
        assert figures(store) == before


def facts_of(store: EvaluationStore) -> Facts:
    """Of the finished run."""
    return Facts(Record.load(store, "r"), store, PRESET, toy_suite())


def figures(store: EvaluationStore) -> tuple[object, object]:
    """What a report says of the run."""
    facts = facts_of(store)
    return as_result(facts, written=facts.written)["budget"], trials(facts)
