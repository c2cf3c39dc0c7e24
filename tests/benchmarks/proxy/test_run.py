"""Who runs beside whom, and what becomes of those that fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.proxy import run
from benchmarks.proxy.load import Load
from benchmarks.proxy.processes import ContenderError, Program, Running
from benchmarks.proxy.run import Bench, Plan
from benchmarks.proxy.streams import Streams

_PLAN = Plan(n_repeats=2, seconds=1, stream_rounds=1, levels=(64, 128))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A run in which nothing is started."""

    @contextmanager
    def running(program: Program, *, log: Path) -> Iterator[Running]:
        if program.name == "litellm":
            raise ContenderError(f"litellm does not answer; see {log}")
        yield Running(program.name, 1, 1, 0.5)

    monkeypatch.setattr(run, "running", running)
    monkeypatch.setattr(Running, "resident_mb", lambda _self, **_: 80.0)
    monkeypatch.setattr("benchmarks.proxy.nginx.is_installed", lambda: True)
    return Bench(_PLAN, tmp_path, litellm=Path("/nowhere/bin/python"), say=lambda _line: None)


def test_we_and_each_other_take_turns(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who goes first changes; whoever cannot be started is left out."""
    turns: list[tuple[str, int]] = []

    def load(one: Running, *, connections: int, **_: Any) -> Load:
        turns.append((one.name, connections))
        return Load(100.0, 1.0, 2.0, 3.0)

    monkeypatch.setattr("benchmarks.proxy.load.load", load)
    bench.plain()
    order = [name for name, connections in turns if connections == 16]
    assert order[:4] == ["guardtune", "bare", "raw", "nginx"]  # to warm up
    assert order[4:6] == ["bare", "guardtune"]
    assert order[10:12] == ["guardtune", "bare"]
    assert [name for name, connections in turns if connections == 1] == [
        "direct", "guardtune", "guardtune", "direct",
    ]  # fmt: skip
    assert len(bench.failures) == 1


def test_a_contender_that_fails_costs_only_its_pair(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go on."""

    def load(one: Running, *, connections: int, **_: Any) -> Load:
        if one.name == "raw" and connections == 16 and bench.records:
            raise ContenderError("raw: 3 failures")
        return Load(100.0, 1.0, 2.0, 3.0)

    monkeypatch.setattr("benchmarks.proxy.load.load", load)
    bench.plain()
    assert {one.contender for one in bench.records} == {"bare", "nginx", "guardtune", "direct"}
    assert "raw: 3 failures" in bench.failures


def test_more_streams_are_tried_until_one_stands_still(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours or the upstream's own."""

    def stream(one: Running, *, n_streams: int, n_rounds: int) -> Streams:
        gap_ms = 300.0 if n_streams > 64 and one.name == "guardtune" else 30.0
        return Streams(1.0, 2.0, gap_ms, 64 * n_streams * n_rounds, 40.0)

    monkeypatch.setattr("benchmarks.proxy.streams.stream", stream)
    bench.streams()
    levels = {one.part for one in bench.records if one.part.startswith("capacity")}
    assert levels == {"capacity 64", "capacity 128"}


def test_starts_are_cold_and_idle(bench: Bench) -> None:
    """Each with a process of its own."""
    bench.starts()
    assert [dict(one.figures) for one in bench.records] == [{"ready_s": 0.5, "rss_mb": 80.0}] * 2
