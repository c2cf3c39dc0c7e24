"""`guardtune tune` with the real model and judge: small, and whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.evaluation.store import EvaluationStore
from tuner.cli import main
from tuner.presets import PRESETS, Preset, Rung
from tuner.record import Record

SMALL = Preset(
    name="small", population=3, offspring=2, generations=1, max_tokens=12,
    first=(Rung(1, 1), Rung(1, 1)), second=(Rung(2, 2), Rung(2, 2)), elites=1, finalists=1,
    validation=(Rung(2, 2), Rung(2, 2)), test=(Rung(3, 3), Rung(3, 3)),
    search_s=300.0, total_s=600.0, patience=5,
)  # fmt: skip


def _run(store: Path, *others: str) -> Record:
    """Search, validate and test into a store, and read what was decided."""
    typed = ["run", "--model", "embedded", "--judge", "embedded-lexical", "--allow-lexical"]
    assert main([*typed, "--seed", "3", "--store", str(store), *others]) == 0
    with EvaluationStore(store) as kept:
        return Record.load(kept, None)


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "quick", SMALL)
    monkeypatch.chdir(tmp_path)


@pytest.mark.gguf
def test_a_run_measures_real_answers_and_a_second_one_only_recalls_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every rate has its n; the same run again decides the same and asks the model nothing."""
    store = tmp_path / "tune.sqlite"
    first = _run(store)
    capsys.readouterr()
    assert main(["report", "--json", "--store", str(store)]) == 0
    result = json.loads(capsys.readouterr().out)
    for policy in ("baseline", "tuned"):
        rate, unscored = (result["test"][policy][name] for name in ("harmful", "unscored"))
        assert rate["n"] + unscored["k"] >= SMALL.test[0].harmful
    assert result["budget"]["tokens"] > 0
    with EvaluationStore(store) as kept:
        answers = kept.count_answers()
    second = _run(store)
    assert second.run.id != first.run.id
    for kind in ("search_ended", "validation", "test"):
        assert second.find(kind) == first.find(kind), kind
    assert second.chosen == first.chosen
    with EvaluationStore(store) as kept:
        assert kept.count_answers() == answers


@pytest.mark.gguf
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own: files and sockets that it leaves open
def test_workers_of_a_cluster_have_the_real_model_each(tmp_path: Path) -> None:
    """The run is whole, and no answer is missing or failed."""
    store = tmp_path / "tune.sqlite"
    record = _run(store, "--ray", "--workers", "2")
    assert record.is_finished
    with EvaluationStore(store) as kept:
        written = kept.written(record.find("run")["model"]["sha256"], since=0.0)  # type: ignore[index]  # it has finished
    assert written
    assert all(one.error is None and one.completion_tokens for one in written)
