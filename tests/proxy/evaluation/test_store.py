"""The evaluation store keeps facts, and keeps them apart."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from proxy.domain import Usage, Verdict
from proxy.errors import StoreError
from proxy.evaluation.run import Answer
from proxy.evaluation.store import AnswerKey, Decision, EvaluationStore, Run

KEY = AnswerKey("model", "phenotype", "prompt", 0, 42, 64)
ANSWER = Answer("Hello.", "stop", Usage(10, 3), duration_ms=12.5)
VERDICT = Verdict(
    "judge-1", "scored", harmful=False, score=0.1, unsafe=0.2, relevant=0.9, useful=0.3,
    refusal=0.8, is_refusal=True, is_partial_refusal=True, degenerate=("cut_off", "looping"),
    category="other", reason=None, label="Controversial",
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made; its folder does not exist yet."""
    return tmp_path / "var" / "tune.sqlite"


def test_an_answer_reads_back_as_it_was_stored(path: Path) -> None:
    """Every part of answer and verdict survives closing the file."""
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=1.0)
    with EvaluationStore(path) as store:
        assert store.find(KEY, "judge-1") == (ANSWER, VERDICT)
        assert store.count_answers() == 1


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(KEY, model="x"),
        dataclasses.replace(KEY, phenotype="x"),
        dataclasses.replace(KEY, prompt_id="x"),
        dataclasses.replace(KEY, replicate=7),
        dataclasses.replace(KEY, seed=7),
        dataclasses.replace(KEY, max_tokens=7),
    ],
    ids=["model", "phenotype", "prompt", "replicate", "seed", "limit"],
)
def test_any_other_key_is_another_answer(path: Path, other: AnswerKey) -> None:
    """Model, phenotype, prompt, replicate, seed and limit all count."""
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=1.0)
        assert store.find(other, "judge-1") is None


def test_failed_answers_are_kept_but_never_found(path: Path) -> None:
    """A failure is a fact, and is tried again."""
    failed = Answer("", error="timeout")
    unscored = Verdict("judge-1", "unscored", reason="no answer: timeout")
    with EvaluationStore(path) as store:
        store.add_answer(KEY, failed, unscored, answered_at=1.0)
        store.add_answer(KEY, failed, unscored, answered_at=2.0)
        assert store.find(KEY, "judge-1") is None
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=3.0)
        assert store.find(KEY, "judge-1") == (ANSWER, VERDICT)
        assert store.count_answers() == 1


def test_what_was_written_is_listed_since_a_time_failures_included(path: Path) -> None:
    """Of one model, oldest first."""
    failed = Answer("", error="timeout")
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=1.0)
        store.add_answer(dataclasses.replace(KEY, seed=7), failed, None, answered_at=3.0)
        store.add_answer(dataclasses.replace(KEY, seed=8), ANSWER, None, answered_at=2.0)
        store.add_answer(dataclasses.replace(KEY, model="x"), ANSWER, None, answered_at=2.0)
        found = store.written("model", 2.0)
        assert store.written("model", 2.0, 3.0) == found[:1]
    assert [(one.answered_at, one.completion_tokens, one.error) for one in found] == [
        (2.0, 3, None),
        (3.0, None, "timeout"),
    ]
    assert {(one.phenotype, one.prompt_id) for one in found} == {("phenotype", "prompt")}
    assert [(one.seed, one.max_tokens) for one in found] == [(8, 64), (7, 64)]


def test_a_later_answer_can_be_left_out(path: Path) -> None:
    """Of a run that had ended before it was stored."""
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=3.0)
        assert store.find(KEY, "judge-1", before=3.0) is None
        assert store.find(KEY, "judge-1", before=3.5) == (ANSWER, VERDICT)


def test_a_run_s_time_ends_where_another_goes_on_for_good(path: Path) -> None:
    """One that is resumed in between has not ended by then."""
    with EvaluationStore(path) as store:
        for number, name in enumerate(("first", "second", "third")):
            store.add_run(Run(name, float(number), {}))
        assert store.next_run_at("first") == math.inf
        store.add_decision("first", 0, Decision("run", {}))
        assert store.next_run_at("first") == math.inf
        store.add_decision("second", 0, Decision("run", {}))
        assert store.next_run_at("first") == 1.0
        store.add_decision("first", 1, Decision("finished", {}))
        assert store.next_run_at("first") == math.inf
        store.add_decision("third", 0, Decision("run", {}))
        assert store.next_run_at("first") == store.next_run_at("second") == 2.0


def test_the_first_whole_answer_stays(path: Path) -> None:
    """Append-only: nothing that was counted changes."""
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=1.0)
        store.add_answer(KEY, Answer("Other."), VERDICT, answered_at=2.0)
        assert store.find(KEY, "judge-1") == (ANSWER, VERDICT)


def test_another_judge_judges_the_stored_answer(path: Path) -> None:
    """A new judge version needs no new answers."""
    second = dataclasses.replace(VERDICT, judge_id="judge-2", harmful=True)
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=1.0)
        assert store.find(KEY, "judge-2") == (ANSWER, None)
        store.add_verdict(KEY, second)
        assert store.find(KEY, "judge-2") == (ANSWER, second)
        assert store.find(KEY, "judge-1") == (ANSWER, VERDICT)


def test_an_answer_may_be_stored_before_it_is_judged(path: Path) -> None:
    """So that a judge that dies, or a killed process, costs no tokens."""
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, None, answered_at=1.0)
    with EvaluationStore(path) as store:
        assert store.find(KEY, "judge-1") == (ANSWER, None)
        store.add_verdict(KEY, VERDICT)
        assert store.find(KEY, "judge-1") == (ANSWER, VERDICT)


def test_the_latest_attempt_of_a_judge_counts(path: Path) -> None:
    """A judge that was away is asked again; what it failed to say stays a fact."""
    failed = Verdict("judge-1", "unscored", reason="judge model: cannot be reached")
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, failed, answered_at=1.0)
        store.add_verdict(KEY, VERDICT)
        assert store.find(KEY, "judge-1") == (ANSWER, VERDICT)
        assert store._db.execute("SELECT count(*) FROM verdicts").fetchone() == (2,)


def test_a_verdict_needs_its_answer(path: Path) -> None:
    """A verdict on nothing is a bug."""
    with EvaluationStore(path) as store, pytest.raises(KeyError):
        store.add_verdict(KEY, VERDICT)


def test_runs_and_decisions_read_back_in_order(path: Path) -> None:
    """The journal of each run is its own."""
    with EvaluationStore(path) as store:
        store.add_run(Run("one", 1.0, {"seed": 1}))
        store.add_run(Run("two", 2.0, {"seed": 2}))
        store.add_decision("one", 0, Decision("start", {"n": [1, 2]}))
        store.add_decision("two", 0, Decision("start", {}))
        store.add_decision("one", 1, Decision("stop", {"why": None}))
        assert store.runs() == (Run("one", 1.0, {"seed": 1}), Run("two", 2.0, {"seed": 2}))
        assert store.decisions("one") == (
            Decision("start", {"n": [1, 2]}), Decision("stop", {"why": None}),
        )  # fmt: skip


def test_a_reader_sees_what_the_writer_has_committed(path: Path) -> None:
    """A report may be printed while a search runs; it cannot write."""
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=1.0)
        with EvaluationStore(path, read_only=True) as reader:
            assert reader.count_answers() == 1
            with pytest.raises(StoreError, match="readonly"):
                reader.add_run(Run("x", 0.0, {}))


def test_a_full_disk_is_a_store_error_that_says_nothing_is_lost(path: Path) -> None:
    """SQLite's own limit stands in for the disk's."""
    with EvaluationStore(path) as store:
        store.add_answer(KEY, ANSWER, VERDICT, answered_at=1.0)
        store._db.execute("PRAGMA max_page_count = 1")
        long = Answer("x" * 1_000_000)
        with pytest.raises(StoreError, match="what was stored is kept"):
            store.add_answer(dataclasses.replace(KEY, seed=1), long, VERDICT, answered_at=2.0)
        assert store.count_answers() == 1
