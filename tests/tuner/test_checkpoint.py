"""The journal replays what was decided and notices what would differ."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.evaluation.store import EvaluationStore, Run
from tuner.checkpoint import Journal, digest


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EvaluationStore]:
    """A store with one run."""
    with EvaluationStore(tmp_path / "s.sqlite") as opened:
        opened.add_run(Run("r", 0.0, {}))
        yield opened


def test_a_replayed_journal_reads_measurements_back(store: EvaluationStore) -> None:
    """What was measured once is never measured again, and the hash is the same."""
    first = Journal(store, "r")
    assert first.observe("pace", lambda: {"s": 1.5}) == {"s": 1.5}
    first.decide("generation", {"keys": ("a", "b")})
    before = digest(store.decisions("r"))
    second = Journal(store, "r")
    assert second.is_replaying
    assert second.observe("pace", lambda: {"s": 99.0}) == {"s": 1.5}
    second.decide("generation", {"keys": ["a", "b"]})
    assert not second.is_replaying
    assert digest(store.decisions("r")) == before
    second.decide("stop", {})
    assert [one.kind for one in store.decisions("r")] == ["pace", "generation", "stop"]
    assert digest(store.decisions("r")) != before


def test_what_was_heard_once_is_not_asked_again(store: EvaluationStore) -> None:
    """And a question that was cancelled was never asked."""

    async def cancelled() -> dict[str, object]:
        raise asyncio.CancelledError

    async def said() -> dict[str, object]:
        return {"text": "a"}

    first = Journal(store, "r")
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(first.ask("written", cancelled))
    assert asyncio.run(first.ask("written", said)) == {"text": "a"}
    second = Journal(store, "r")
    assert asyncio.run(second.ask("written", cancelled)) == {"text": "a"}
    assert len(store.decisions("r")) == 1


def test_a_decision_that_would_differ_ends_the_resume(store: EvaluationStore) -> None:
    """Another suite, judge or version: the run would not be the same run."""
    Journal(store, "r").decide("run", {"judge": "one"})
    with pytest.raises(StoreError, match=r"decision 0 \(run\) would differ"):
        Journal(store, "r").decide("run", {"judge": "two"})


def test_a_measurement_where_another_decision_is_recorded_ends_the_resume(
    store: EvaluationStore,
) -> None:
    """Another order of decisions is another run."""
    Journal(store, "r").decide("run", {})
    with pytest.raises(StoreError, match="cannot be resumed"):
        Journal(store, "r").observe("pace", dict)
