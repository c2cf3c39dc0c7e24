"""Each algorithm runs whole, resumes to the same decisions, and can be reported and exported."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest
from proxy.errors import SettingsError
from proxy.evaluation.store import EvaluationStore, Run
from tests.tuner.toy import PRESET, ToyJudge, cut_at, respond, toy_suite
from tuner.algorithms import ALGORITHMS, require
from tuner.config import RunConfig
from tuner.executor import InProcess
from tuner.export import tuned_policy
from tuner.record import Record
from tuner.report import as_text
from tuner.session import Session, run_session

NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            one.extra is not None and find_spec(one.extra) is None,
            reason=f"needs the extra {one.extra}",
        ),
    )
    for name, one in ALGORITHMS.items()
]


def session(
    store: EvaluationStore,
    config: RunConfig,
    responder: Callable[[ChatRequest], ScriptedRule] = respond,
) -> Session:
    """Of one run, added if it is new."""
    if not store.runs():
        store.add_run(Run("r", 0.0, config.as_json()))
    backend, judge = ScriptedBackend(ScriptedConfig(name="toy"), responder=responder), ToyJudge()
    return Session(
        config=config, preset=PRESET, run_id="r", store=store, backend=backend, judge=judge,
        suite=toy_suite(), model_sha256="0" * 64, executor=InProcess(backend, judge, 4),
        stream=io.StringIO(), clock=lambda: 0.0,
    )  # fmt: skip


def configured(config: RunConfig, name: str) -> RunConfig:
    """The same run by another algorithm."""
    within = ALGORITHMS[name].within(config.space)
    return dataclasses.replace(config, algorithm=name, space=within)


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_run_resumes_to_the_same_decisions(
    tmp_path: Path, toy_config: RunConfig, name: str
) -> None:
    """Whatever the algorithm: cut in the middle of the search, then gone on with."""
    config = configured(toy_config, name)
    with EvaluationStore(tmp_path / "whole.sqlite") as store:
        asyncio.run(run_session(session(store, config)))
        whole = store.decisions("r")
        record = Record.load(store, "r")
    assert record.is_finished
    assert f", {name}, seed 8)" in as_text(record)
    assert tuned_policy(record, force=True).provenance is not None

    async def interrupted(store: EvaluationStore) -> None:
        await run_session(session(store, config, cut_at(350)))

    with EvaluationStore(tmp_path / "cut.sqlite") as store:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted(store))
        asyncio.run(run_session(session(store, config)))
        assert store.decisions("r") == whole


@pytest.mark.parametrize("name", ["nsga2", "random"])
def test_without_a_race_all_answer_the_same_sample(
    tmp_path: Path, toy_config: RunConfig, name: str
) -> None:
    """And nobody is looked at again."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(session(store, configured(toy_config, name))))
        generations = [one.body for one in store.decisions("r") if one.kind == "generation"]
    asked = {one["harmful"][1] for body in generations for one in body["survivors"]}
    assert asked == {PRESET.second[0].harmful}
    assert not any(body["dropped"] for body in generations)


@pytest.mark.parametrize(
    ("name", "unused"), [("prompt-only", ("decoding",)), ("decoding-only", ("slots",))]
)
def test_parts_of_the_library_stay_unused(
    tmp_path: Path, toy_config: RunConfig, name: str, unused: tuple[str, ...]
) -> None:
    """Not one candidate has a gene that its algorithm does without."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(session(store, configured(toy_config, name))))
        generations = [one.body for one in store.decisions("r") if one.kind == "generation"]
    genomes = [genome for body in generations for genome in body["candidates"].values()]
    assert not any(genome[part] for genome in genomes for part in unused)
    assert (name == "prompt-only") is any(genome["demonstrations"] for genome in genomes)


def test_an_unknown_algorithm_is_refused() -> None:
    """With the names there are."""
    with pytest.raises(SettingsError, match="paired-race, nsga2, random"):
        require("annealing")


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is paid for."""
    monkeypatch.setattr("tuner.algorithms.find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r'pip install "guardtune\[optuna\]"'):
        require("optuna-tpe")
