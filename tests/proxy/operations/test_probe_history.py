"""Reports are kept, within bounds and over restarts."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from proxy.domain import PolicyRef
from proxy.evaluation.statistics import Mean, Rate
from proxy.operations import probe_history
from proxy.operations.probe_history import ProbeHistory
from proxy.operations.probe_report import ProbeReport


def _report(number: int, relevance: Mean | None = None) -> ProbeReport:
    return ProbeReport(
        "m", PolicyRef("p", "abc"), number, Rate(1, 4), Rate(0, 3),
        relevance or Mean.of([0.25, 0.75]), 1, 5.0,
    )  # fmt: skip


def _add(history: ProbeHistory, *reports: ProbeReport) -> None:
    for report in reports:
        history.add(report)
    asyncio.run(history.close())


def test_oldest_leave_first() -> None:
    """A server that runs for a year keeps as many as one that runs for a day."""
    history = ProbeHistory(limit=2)
    for number in range(4):
        history.add(_report(number))
    assert [report.round for report in history.reports] == [2, 3]


def test_file_gives_them_back_after_a_restart(tmp_path: Path) -> None:
    """Exactly; a mean of nothing too."""
    file = tmp_path / "probes.jsonl"
    history = ProbeHistory(limit=2, file=file)
    _add(history, *(_report(number) for number in range(3)))
    assert ProbeHistory(limit=2, file=file).reports == (_report(1), _report(2))
    _add(history, _report(4, Mean.of([])))
    assert ProbeHistory(limit=2, file=file).reports[-1].relevance.n == 0
    assert [path.name for path in tmp_path.iterdir()] == ["probes.jsonl"]


@pytest.mark.parametrize("content", ["{", "[]", '{"model": 1}', '{"harmful": {"k": 9, "n": 1}}'])
def test_file_that_makes_no_sense_is_said_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    """Probing goes on."""
    file = tmp_path / "probes.jsonl"
    file.write_text(content, encoding="utf-8")
    history = ProbeHistory(limit=2, file=file)
    assert not history.reports
    assert "probe_history_unreadable" in caplog.text
    _add(history, _report(0))
    assert history.reports == (_report(0),)


def test_file_that_cannot_be_written_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The report is kept in memory."""
    history = ProbeHistory(limit=2, file=tmp_path / "missing" / "probes.jsonl")
    _add(history, _report(0))
    assert "probe_history_unwritable" in caplog.text
    assert history.reports == (_report(0),)


def test_disk_that_hangs_is_not_waited_for_and_gets_the_last_of_what_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by probes nor, for long, by the end; and one thread is enough."""
    monkeypatch.setattr(probe_history, "CLOSE_WITHIN_S", 0.01)
    disk = threading.Event()
    replace = Path.replace

    def hang(path: Path, target: Path) -> Path:
        disk.wait()
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", hang)
    file = tmp_path / "probes.jsonl"
    history = ProbeHistory(limit=2, file=file)
    _add(history, *(_report(number) for number in range(5)))
    assert sum(thread.name == "probe-history" for thread in threading.enumerate()) == 1
    assert history.reports == (_report(3), _report(4))
    assert not file.exists()
    monkeypatch.setattr(probe_history, "CLOSE_WITHIN_S", 30)
    disk.set()
    asyncio.run(history.close())
    assert ProbeHistory(limit=2, file=file).reports == (_report(3), _report(4))
