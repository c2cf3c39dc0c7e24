"""Fixtures of the tuner's tests: the toy of toy.py, ready to run."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig
from proxy.backends.scripted import ScriptedBackend
from proxy.evaluation.store import EvaluationStore, Run
from tests.tuner.toy import PRESET, SPACE, ToyJudge, respond, toy_suite
from tuner.config import RunConfig
from tuner.executor import InProcess
from tuner.session import Session
from tuner.space import Space, load_space


@pytest.fixture
def space() -> Space:
    """A small search space."""
    return load_space(text=SPACE)


@pytest.fixture
def toy_config(tmp_path: Path) -> RunConfig:
    """A run's configuration on the toy."""
    model = ScriptedConfig(name="toy").model_dump(mode="json")
    return RunConfig(
        name="tuned-toy", preset="quick", model=model, suites=("toy",), judge="toy", seed=8,
        space=SPACE, base=None, out=str(tmp_path / "out"),
    )  # fmt: skip


OpenSession = Callable[..., Session]


@pytest.fixture
def open_session(toy_config: RunConfig) -> OpenSession:
    """Make a session on an open store; the run is added if it is new."""

    def open_on(store: EvaluationStore, run_id: str = "r", **changes: object) -> Session:
        if run_id not in [run.id for run in store.runs()]:
            store.add_run(Run(run_id, 0.0, toy_config.as_json()))
        parts: dict[str, object] = {
            "backend": ScriptedBackend(ScriptedConfig(name="toy"), responder=respond),
            "judge": ToyJudge(),
            "suite": toy_suite(),
            "preset": PRESET,
            "stream": io.StringIO(),
            "clock": lambda: 0.0,
        } | changes
        here = InProcess(parts["backend"], parts["judge"], 4)  # type: ignore[arg-type]  # as below
        return Session(
            config=toy_config, run_id=run_id, store=store, model_sha256="0" * 64,
            **({"executor": here} | parts),  # type: ignore[arg-type]  # a test names its changes
        )  # fmt: skip

    return open_on
