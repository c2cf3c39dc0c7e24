"""Policies of a running server change with their files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge import write_policy
from tests.integration.server import Server, serving

CONFIG: dict[str, Any] = {
    "models": [{"name": "fake", "backend": "scripted"}],
    "judging": {"judge": "scripted"},
    "probing": {"prompts_per_kind": 3},
}
GIVE_UP_S = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy folder with one policy."""
    write_policy(tmp_path / "policies", "careful")
    return tmp_path / "policies"


@pytest.fixture
def server(tmp_path: Path, folder: Path) -> Iterator[Server]:
    """A server that watches it."""
    with serving(tmp_path, {**CONFIG, "policies": str(folder)}) as running:
        yield running


def _until(condition: Callable[[], bool]) -> None:
    """Ask again and again; a loaded machine may be slow, and the test is about what comes."""
    deadline = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come"


def _policy(server: Server) -> str:
    return server.chat("hello").headers["x-guardtune-policy"]


def test_changed_file_changes_the_next_answers_header(server: Server, folder: Path) -> None:
    """Without a restart."""
    before = _policy(server)
    write_policy(folder, "careful", "decoding: {temperature: 0.5}\n")
    _until(lambda: _policy(server) != before)
    assert _policy(server).startswith("careful@")


def test_broken_file_leaves_the_old_in_force_and_shows_its_mistakes(
    server: Server, folder: Path
) -> None:
    """In /policies, in the log and in a metric."""
    before = _policy(server)
    path = write_policy(folder, "careful", "decoding: {temperatur: 0.5}\n")
    _until(lambda: bool(server.get("/policies").json["problems"]))
    (problem,) = server.get("/policies").json["problems"]
    assert (problem["file"], problem["line"], problem["path"]) == (
        str(path), 3, "decoding.temperatur",
    )  # fmt: skip
    assert _policy(server) == before
    assert server.metric('guardtune_policy_reloads_total{result="failed"}') == 1
    assert f"{path}:3" in server.log.read_text(encoding="utf-8")


def test_dropped_in_policy_takes_effect_and_is_probed(server: Server, folder: Path) -> None:
    """As `tune export` does it: written beside, renamed into place."""
    outside = write_policy(folder.parent / "tuned", "tuned", "match: {priority: 10}\n")
    outside.rename(folder / "tuned.yaml")
    _until(lambda: _policy(server).startswith("tuned@"))
    sha = _policy(server).partition("@")[2]
    sample = f'guardtune_probe_n{{model="fake",policy="tuned",sha="{sha}"}}'
    _until(lambda: server.metric(sample) is not None)
    assert any(probe["policy"] == "tuned" for probe in server.get("/policies").json["probes"])
