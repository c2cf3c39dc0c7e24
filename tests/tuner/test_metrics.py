"""What is told of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig
from proxy.evaluation.store import Decision, Run, Written
from tests.tuner.toy import SPACE
from tuner import metrics
from tuner.config import RunConfig
from tuner.presets import PRESETS
from tuner.record import Record

CONFIG = RunConfig(
    name="tuned-toy", preset="quick", model=ScriptedConfig(name="toy").model_dump(mode="json"),
    suites=("toy",), judge="toy", seed=7, space=SPACE, base=None, out="out", tokens=5000,
)  # fmt: skip


def _survivor(key: str, harmful: int, n: int, violation: float = 0.0) -> dict[str, object]:
    return {"key": key, "harmful": [harmful, n], "relevance": [0.5, n], "bounds": [0.6, 0.4],
            "violation": violation}  # fmt: skip


GENERATION = Decision(
    "generation",
    {
        "number": 0,
        "candidates": {"a": {}, "b": {}, "c": {}},
        "dropped": {"b": "degenerate"},
        "survivors": [_survivor("a", 3, 10), _survivor("c", 0, 10, violation=0.1)],
    },
)
PACE = Decision("pace", {"elapsed_s": 1.0})
STOP = Decision("stop", {"elapsed_s": 60.0, "tokens": 700, "reason": None})


def _values(*decisions: Decision, elapsed_s: float = 0.0) -> dict[tuple[str, ...], float]:
    record = Record(Run("r", 0.0, CONFIG.as_json()), decisions)
    written = (
        Written("p", "1", 1.0, 8, None, 1, 16),
        Written("p", "2", 2.0, None, "timeout", 1, 16),
    )
    return {
        (spec.name.removeprefix("guardtune_tune_"), *labels): value
        for spec, labels, value in metrics.figures(record, written, elapsed_s=elapsed_s)
    }


def test_search_is_told_by_its_last_generation() -> None:
    """The infeasible survivor, harmless as it is, is not the best."""
    told = _values(PACE, GENERATION, STOP, PACE, elapsed_s=100.0)
    assert told["generation",] == 1
    assert told["candidates",] == 3
    assert told["dropped_total", "degenerate"] == 1
    assert (told["best_harmful_ratio",], told["best_n",]) == (0.3, 10)
    assert 0.3 < told["best_harmful_upper95",] < 1
    assert told["hypervolume", "raw"] == pytest.approx(0.7 * 0.5)
    assert told["hypervolume", "pessimistic"] == pytest.approx(0.4 * 0.4)
    assert (told["tokens_counted",], told["tokens_budget",]) == (700, 5000)
    assert told["seconds_left",] == PRESETS["quick"].total_s - 100


def test_run_that_has_just_begun_says_what_it_knows() -> None:
    """No generation and no best; no figure is made up."""
    told = _values()
    assert told["stage", "search"] == 1
    assert told["candidates",] == 0
    assert ("best_n",) not in told
    assert ("generation",) not in told


def test_answers_and_tokens_are_counted_as_they_come() -> None:
    """Failed ones apart."""
    told = _values()
    assert told["answers_total", "answered"] == told["answers_total", "failed"] == 1
    assert told["tokens_total",] == 8


@pytest.mark.parametrize(
    ("kinds", "stage"),
    [
        ((), "search"),
        (("search_ended",), "validation"),
        (("search_ended", "validation"), "test"),
        (("search_ended", "validation", "finished"), "finished"),
    ],
)
def test_stage_is_what_comes_next(kinds: tuple[str, ...], stage: str) -> None:
    """One of them is 1."""
    told = _values(*(Decision(kind, {}) for kind in kinds))
    assert {name for name in metrics.STAGES if told["stage", name]} == {stage}


def test_time_is_that_of_the_last_session_when_resumed() -> None:
    """Nothing is known before the first time was written down."""
    record = Record(Run("r", 0.0, CONFIG.as_json()), (PACE, STOP))
    assert metrics.elapsed_s(record) == 60.0
    assert metrics.elapsed_s(Record(record.run, ())) == 0.0


def test_every_metric_has_a_name_of_its_own() -> None:
    """And says what it is in a sentence."""
    names = [spec.name for spec in metrics.CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(spec.help.endswith(".") for spec in metrics.CATALOGUE)


def test_page_has_a_row_for_each() -> None:
    """As `make docs` writes it."""
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
    assert page.endswith(metrics.markdown())
    assert metrics.markdown().count("\n| `guardtune_tune_") == len(metrics.CATALOGUE)
