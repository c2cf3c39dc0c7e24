"""What was written, read back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.evaluation.store import Decision, EvaluationStore, Run
from tests.tuner.conftest import OpenSession
from tests.tuner.writing.writers import writer
from tuner.record import Record
from tuner.session import run_session
from tuner.writing.history import accepted, origin_of, summary


def entry(text: str, rejected: str | None = None, tokens: int | None = 9) -> Decision:
    """One answer of a writer."""
    body = {
        "writer": "pen@111111111111", "operator": "merge", "parents": ["a", "b"], "seed": 1,
        "text": text, "rejected": rejected, "tokens": tokens, "prompt_tokens": 20,
    }  # fmt: skip
    return Decision("written", body)


RUN = Decision("run", {"writer": {"name": "pen", "sha256": "1" * 64, "most_calls": 5}})


def record(*decisions: Decision) -> Record:
    """A journal."""
    return Record(Run("r", 0.0, {}), decisions)


def test_answers_are_counted_by_what_became_of_them() -> None:
    """With tokens as far as they are known, and why the writer was left alone."""
    off = Decision("writer_off", {"reason": "cut off", "calls": 4})
    entries = (
        entry("Be kind."),
        entry("?", "cut off"),
        entry("!", "cut off", None),
        entry("x", "y"),
    )
    found = summary(record(RUN, *entries, off))
    assert found == {
        "name": "pen", "sha256": "1" * 64, "most_calls": 5, "calls": 4, "accepted": 1,
        "rejected": {"cut off": 2, "y": 1}, "tokens": 27, "prompt_tokens": 80, "off": "cut off",
    }  # fmt: skip


def test_a_run_without_a_writer_has_no_history() -> None:
    """Nothing is counted as nought."""
    assert summary(record(Decision("run", {}))) is None
    assert summary(record()) is None


def test_a_text_is_traced_to_the_answer_that_it_came_from() -> None:
    """Rejected ones are nobody's."""
    journal = record(RUN, entry("Be kind."), entry("Be bad.", "cut off"))
    assert [one["text"] for one in accepted(journal)] == ["Be kind."]
    found = origin_of(journal, "Be kind.")
    assert found is not None
    assert found["operator"] == "merge"
    assert origin_of(journal, "Be bad.") is None
    assert origin_of(journal, None) is None


def test_a_real_run_has_one(tmp_path: Path, open_session: OpenSession) -> None:
    """From the journal that it has left."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store, writer=writer())))
        found = summary(Record.load(store, "r"))
    assert found is not None
    assert found["calls"] == found["accepted"] == found["most_calls"] == 3
