"""The last reports of probes, kept over restarts where a file is given."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from proxy.evaluation.statistics import Mean
from proxy.operations.probe_report import ProbeReport
from proxy.tasks import begin_in_thread
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5.0
"""How long the disk may take for the last report."""


class ProbeHistory:
    """The newest reports of all versions, retired ones included.

    Args:
        limit: how many; the oldest leave first.
        file: JSON lines, rewritten whole with each report, by a thread; None keeps them in memory.
            A file that cannot be read or written is said in the log and costs nothing else.
    """

    def __init__(self, *, limit: int, file: Path | None = None) -> None:
        self._file = file
        self._reports: deque[ProbeReport] = deque(_read(file), maxlen=limit)
        # Guards all three: what comes while the thread writes is written after that.
        self._lock = threading.Lock()
        self._is_stale = False
        self._writing: Future[None] | None = None

    @property
    def reports(self) -> tuple[ProbeReport, ...]:
        """Oldest first."""
        return tuple(self._reports)

    def add(self, report: ProbeReport) -> None:
        """Keep one more; waits for no disk."""
        with self._lock:
            self._reports.append(report)
            if self._file is None:
                return
            self._is_stale = True
            if self._writing is None:
                self._writing = begin_in_thread(
                    partial(self._write, self._file), name="probe-history"
                )

    async def close(self) -> None:
        """Wait until all is on the disk, for so long as that may take."""
        with self._lock:
            writing = self._writing
        if writing is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(writing), CLOSE_WITHIN_S)

    def _write(self, file: Path) -> None:
        while True:
            with self._lock:
                if not self._is_stale:
                    self._writing = None
                    return
                self._is_stale = False
                reports = self.reports
            _write(file, reports)


def _read(file: Path | None) -> list[ProbeReport]:
    if file is None or not file.exists():
        return []
    try:
        lines = file.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=ProbeReport) for line in lines if line]
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        _log.warning("%s", logfmt("probe_history_unreadable", file=file, error=error))
        return []


def _write(file: Path, reports: tuple[ProbeReport, ...]) -> None:
    """Write beside and rename, so that a crash leaves the old file or the new one."""
    text = b"".join(msgspec.json.encode(_finite(report)) + b"\n" for report in reports)
    beside = file.with_name(f"{file.name}.new")
    try:
        beside.write_bytes(text)
        beside.replace(file)
    except OSError as error:
        _log.warning("%s", logfmt("probe_history_unwritable", file=file, error=error))


def _finite(report: ProbeReport) -> ProbeReport:
    """JSON has no NaN; a mean of nothing is told by its n."""
    if report.relevance.n:
        return report
    return replace(report, relevance=Mean(0.0, 0, 0.0))
