"""Probes of a running server: on a schedule, and remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.observability.processes import wait_until
from tests.edge import write_policy
from tests.integration.server import Server, serving

GIVE_UP_S = 30


def _config(folder: Path, **probing: object) -> dict[str, Any]:
    return {
        "models": [{"name": "fake", "backend": "scripted"}],
        "judging": {"judge": "scripted"},
        "policies": str(folder / "policies"),
        "probing": {"prompts_per_kind": 3, **probing},
    }


def _history(server: Server) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = server.get("/policies").json["probe_history"]
    return shown


def _wait_for_round(server: Server, number: int) -> None:
    wait_until(
        lambda: any(report["round"] == number for report in _history(server)),
        f"round {number}",
        within_s=GIVE_UP_S,
    )


def test_rounds_follow_one_another(tmp_path: Path) -> None:
    """Newest first; the policy's own entry is the last round's, and the metrics are, too."""
    write_policy(tmp_path / "policies", "careful")
    with serving(tmp_path, _config(tmp_path, interval_s=1, jitter=0)) as server:
        _wait_for_round(server, 2)
        shown = server.get("/policies").json
        assert server.metric("guardtune_probe_interval_seconds") == 1.0
    rounds = [report["round"] for report in shown["probe_history"]]
    assert rounds == sorted(rounds, reverse=True)
    (current,) = shown["probes"]
    assert current == shown["probe_history"][0]


def test_results_survive_a_restart(tmp_path: Path) -> None:
    """In the file that the settings name."""
    write_policy(tmp_path / "policies", "careful")
    config = _config(tmp_path, interval_s=None, history_file=str(tmp_path / "probes.jsonl"))
    with serving(tmp_path, config) as server:
        _wait_for_round(server, 0)
        (first,) = _history(server)
        assert server.metric("guardtune_probe_interval_seconds") == 0.0
        assert server.stop() == 0
    with serving(tmp_path, config) as server:
        wait_until(lambda: len(_history(server)) == 2, "the next probe", within_s=GIVE_UP_S)
        assert _history(server)[1] == first
