"""A run that is scraped."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from proxy.errors import SettingsError
from proxy.evaluation.store import EvaluationStore, Run
from scripts.observability.processes import get
from tuner.config import RunConfig
from tuner.exporter import exported


@pytest.fixture
def store(tmp_path: Path, toy_config: RunConfig) -> EvaluationStore:
    """One with a run that has not decided anything."""
    store = EvaluationStore(tmp_path / "tune.sqlite")
    store.add_run(Run("r", 0.0, toy_config.as_json()))
    return store


def _port(said: str) -> int:
    return int(said.rpartition(":")[2].removesuffix("/metrics\n"))


def test_figures_are_there_while_the_run_is(
    store: EvaluationStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the address that is said; afterwards nobody listens there."""
    with store, exported(store, "r", 0):
        port = _port(capsys.readouterr().err)
        status, body = get(port, "/metrics")
    assert status == 200
    text = body.decode()
    assert 'guardtune_tune_stage{run="r",stage="search"} 1.0' in text
    assert 'guardtune_tune_answers_total{result="answered",run="r"} 0.0' in text
    assert get(port, "/metrics")[0] == 0


def test_without_a_port_nothing_happens(
    store: EvaluationStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """No socket, no word."""
    with store, exported(store, "r", None):
        assert capsys.readouterr().err == ""


def test_port_that_is_taken_is_said(store: EvaluationStore) -> None:
    """Before an answer is paid for."""
    with socket.create_server(("127.0.0.1", 0)) as taken, store:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="--metrics-port"), exported(store, "r", port):
            pass
