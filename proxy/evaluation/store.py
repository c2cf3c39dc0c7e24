"""The evaluation store: answers, verdicts and decisions as append-only facts in one SQLite file.

It is the one truth for cache, resume, re-judging and report. Nothing is ever updated or deleted.
One process writes (a lock file beside the store says which); any number may read meanwhile.
Prompts are kept by id only; answers are kept as text, so the file stays with the user.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from proxy.domain import Usage, Verdict
from proxy.evaluation.database import lock, open_database, translated
from proxy.evaluation.run import Answer, Task

_ADD_ANSWER = """
INSERT INTO answers (model, phenotype, prompt_id, replicate, seed, max_tokens, text, finish_reason,
    prompt_tokens, completion_tokens, duration_ms, error, answered_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id
"""

_ADD_VERDICT = """
INSERT INTO verdicts (answer_id, judge_id, status, harmful, score, unsafe, relevant, useful,
    refusal, is_refusal, is_partial_refusal, degenerate, category, reason, label, attempt)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    (SELECT count(*) FROM verdicts WHERE answer_id = ? AND judge_id = ?))
"""

_FIND = """
SELECT text, finish_reason, prompt_tokens, completion_tokens, duration_ms,
    status, harmful, score, unsafe, relevant, useful, refusal, is_refusal, is_partial_refusal,
    degenerate, category, reason, label
FROM answers LEFT JOIN verdicts ON answer_id = answers.id AND judge_id = ?
WHERE model = ? AND phenotype = ? AND prompt_id = ? AND replicate = ? AND seed = ?
    AND max_tokens = ? AND error IS NULL AND answered_at < ?
ORDER BY attempt DESC LIMIT 1
"""

_FIND_ID = """
SELECT id FROM answers WHERE model = ? AND phenotype = ? AND prompt_id = ? AND replicate = ?
    AND seed = ? AND max_tokens = ? AND error IS NULL
"""


_NEXT_RUN = """
SELECT min(started_at) FROM runs WHERE id IN (
    SELECT run_id FROM decisions GROUP BY run_id
    HAVING min(rowid) > (SELECT max(rowid) FROM decisions WHERE run_id = ?))
"""
"""Decisions are appended in the order in which they are taken, whichever run takes them."""


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """What makes an answer the same answer, so that it need not be generated again.

    Args:
        model: identity of the weights and settings behind the served name.
        phenotype: identity of what the policy does, whatever it is called.
        prompt_id: the prompt's id within its suite.
        replicate: counts repeated answers from 0.
        seed: of the sampler.
        max_tokens: what was asked for.
    """

    model: str
    phenotype: str
    prompt_id: str
    replicate: int
    seed: int
    max_tokens: int

    @classmethod
    def of(cls, model: str, task: Task) -> Self:
        """What a task's answer by this model is stored under; one key is one answer."""
        return cls(
            model=model,
            phenotype=task.policy.phenotype,
            prompt_id=task.prompt.id,
            replicate=task.replicate,
            seed=task.seed,
            max_tokens=task.max_tokens,
        )


@dataclass(frozen=True, slots=True)
class Written:
    """When an answer was stored: what a run's health is read from.

    Args:
        phenotype: as in :class:`AnswerKey`.
        prompt_id: likewise.
        answered_at: Unix time in seconds.
        completion_tokens: None where the backend does not report them.
        error: as in :class:`proxy.evaluation.run.Answer`.
        seed: as in :class:`AnswerKey`; with the next, it tells the answers of several runs apart.
        max_tokens: likewise.
    """

    phenotype: str
    prompt_id: str
    answered_at: float
    completion_tokens: int | None
    error: str | None
    seed: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a run's journal; ``body`` holds JSON values only."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was started; ``config`` is all that is needed to start it again."""

    id: str
    started_at: float
    config: Mapping[str, Any]


class EvaluationStore:
    """One open store file; use it as a context manager.

    Args:
        path: made, with its folder, if missing and not read-only.
        read_only: neither locks nor creates; sees what the writer has committed.

    Raises:
        StoreError: in use by another writer, not a store, of a newer version, corrupt, missing
            while read-only, or not writable. Every later call raises it too, when the disk fails.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = None if read_only else lock(path)
        try:
            self._db = open_database(path, read_only=read_only)
        except BaseException:
            self._unlock()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let the next writer in; safe to call twice."""
        self._db.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # Answers

    def add_answer(
        self, key: AnswerKey, answer: Answer, verdict: Verdict | None, *, answered_at: float
    ) -> None:
        """Append an answer and its verdict in one transaction; failed answers are facts too.

        A whole answer that is there already stays as it was first stored.

        Args:
            key: what the answer answers.
            answer: the model's answer.
            verdict: of the judge named in it; None while nobody has judged it.
            answered_at: Unix time in seconds.
        """
        usage = answer.usage
        row = (
            key.model, key.phenotype, key.prompt_id, key.replicate, key.seed, key.max_tokens,
            answer.text, answer.finish_reason,
            None if usage is None else usage.prompt_tokens,
            None if usage is None else usage.completion_tokens,
            answer.duration_ms, answer.error, answered_at,
        )  # fmt: skip
        with self._writing() as db:
            inserted = db.execute(_ADD_ANSWER, row).fetchone()
            if inserted is not None and verdict is not None:
                db.execute(_ADD_VERDICT, _verdict_row(inserted[0], verdict))

    def add_verdict(self, key: AnswerKey, verdict: Verdict) -> None:
        """Append a verdict on a stored whole answer: another judge's, or a further attempt's.

        Raises:
            KeyError: there is no such answer.
        """
        with self._writing() as db:
            found = db.execute(_FIND_ID, astuple(key)).fetchone()
            if found is None:
                raise KeyError(key)
            db.execute(_ADD_VERDICT, _verdict_row(found[0], verdict))

    def find(
        self, key: AnswerKey, judge_id: str, *, before: float = math.inf
    ) -> tuple[Answer, Verdict | None] | None:
        """A stored whole answer and this judge's latest verdict; None where there is no answer.

        Args:
            key: what the answer answers.
            judge_id: whose verdict.
            before: Unix time; what was stored from then on is not looked at.
        """
        with self._reading() as db:
            row = db.execute(_FIND, (judge_id, *astuple(key), before)).fetchone()
        if row is None:
            return None
        status = row[5]
        return _answer(row[:5]), None if status is None else _verdict(judge_id, row[5:])

    def written(self, model: str, since: float, until: float = math.inf) -> tuple[Written, ...]:
        """What was stored for a model between two Unix times, oldest first, failures included."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT phenotype, prompt_id, answered_at, completion_tokens, error, seed, "
                "max_tokens FROM answers WHERE model = ? AND answered_at >= ? AND answered_at < ? "
                "ORDER BY answered_at, id",
                (model, since, until),
            ).fetchall()
        return tuple(Written(*row) for row in rows)

    def count_answers(self) -> int:
        """Whole answers in the store."""
        with self._reading() as db:
            (count,) = db.execute("SELECT count(*) FROM answers WHERE error IS NULL").fetchone()
        return int(count)

    # Runs and their decisions

    def add_run(self, run: Run) -> None:
        """Append a run; its id must be new."""
        with self._writing() as db:
            row = (run.id, run.started_at, json.dumps(run.config))
            db.execute("INSERT INTO runs (id, started_at, config) VALUES (?, ?, ?)", row)

    def runs(self) -> tuple[Run, ...]:
        """All runs, oldest first."""
        with self._reading() as db:
            rows = db.execute("SELECT id, started_at, config FROM runs ORDER BY rowid").fetchall()
        return tuple(Run(row[0], row[1], json.loads(row[2])) for row in rows)

    def next_run_at(self, run_id: str) -> float:
        """When a run began to work after this one's last decision; infinite where none has.

        A run that was resumed after another one has been at work goes on until the run after that.
        """
        with self._reading() as db:
            (started_at,) = db.execute(_NEXT_RUN, (run_id,)).fetchone()
        return math.inf if started_at is None else float(started_at)

    def add_decision(self, run_id: str, number: int, decision: Decision) -> None:
        """Append the run's decision ``number``, counted from 0."""
        with self._writing() as db:
            row = (run_id, number, decision.kind, json.dumps(decision.body, sort_keys=True))
            db.execute(
                "INSERT INTO decisions (run_id, number, kind, body) VALUES (?, ?, ?, ?)", row
            )

    def decisions(self, run_id: str) -> tuple[Decision, ...]:
        """The run's decisions so far, in order."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT kind, body FROM decisions WHERE run_id = ? ORDER BY number", (run_id,)
            ).fetchall()
        return tuple(Decision(kind, json.loads(body)) for kind, body in rows)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path), self._db:
            yield self._db


def _verdict_row(answer_id: int, verdict: Verdict) -> tuple[Any, ...]:
    return (
        answer_id, verdict.judge_id,
        verdict.status, verdict.harmful, verdict.score, verdict.unsafe, verdict.relevant,
        verdict.useful, verdict.refusal, verdict.is_refusal, verdict.is_partial_refusal,
        ",".join(verdict.degenerate), verdict.category, verdict.reason, verdict.label,
        answer_id, verdict.judge_id,
    )  # fmt: skip


def _answer(row: tuple[Any, ...]) -> Answer:
    text, finish_reason, prompt_tokens, completion_tokens, duration_ms = row
    usage = None if completion_tokens is None else Usage(prompt_tokens, completion_tokens)
    return Answer(text, finish_reason, usage, duration_ms=duration_ms)


def _verdict(judge_id: str, row: tuple[Any, ...]) -> Verdict:
    (
        status, harmful, score, unsafe, relevant, useful, refusal, is_refusal, is_partial, flags,
        category, why, label,
    ) = row  # fmt: skip
    return Verdict(
        judge_id=judge_id, status=status, harmful=None if harmful is None else bool(harmful),
        score=score, unsafe=unsafe, relevant=relevant, useful=useful, refusal=refusal,
        is_refusal=bool(is_refusal), is_partial_refusal=bool(is_partial),
        degenerate=tuple(filter(None, flags.split(","))), category=category,
        reason=why, label=label,
    )  # fmt: skip
