"""The part that all contenders share: jobs in, outcomes out. Standard library only."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from benchmarks.engine.jobs import Job, Outcome, Setup, job_from, setup_from, to_line

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK_CODE = "5"
"""See proc(5): sets VmHWM to what is resident now."""

READY = Outcome(0.0)
"""The first line, once the model is loaded."""


def claim_stdout() -> TextIO:
    """A private stdout for outcomes; whatever libraries print goes to stderr."""
    private = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return private


def read_setup() -> Setup:
    """The first line of stdin."""
    return setup_from(sys.stdin.readline())


def serve(run: Callable[[Job], Outcome], out: TextIO) -> None:
    """Run jobs until stdin ends; a job that fails is reported, and the next one runs.

    Args:
        run: runs one job.
        out: where outcomes go.
    """
    _answer(out, READY)
    for line in sys.stdin:
        _reset_peak()
        try:
            outcome = run(job_from(line))
        except Exception as error:  # noqa: BLE001 — the edge: the benchmark reports it and goes on
            outcome = Outcome(0.0, error=f"{type(error).__name__}: {error}")
        _answer(out, replace(outcome, peak_memory_bytes=peak_memory_bytes()))


def peak_memory_bytes(read: Callable[[], str] = _STATUS.read_text) -> int:
    """Most resident memory since the last reset, the mapped model included; 0 off Linux."""
    with suppress(OSError):
        for line in read().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class LateGate:
    """Opens once every early stream has its tokens.

    Args:
        n_streams: how many there are.
        n_tokens: how many each of them has to have.
    """

    def __init__(self, n_streams: int, n_tokens: int) -> None:
        self._left = n_streams
        self._n_tokens = n_tokens
        self._lock = threading.Lock()  # so that two streams do not count as one
        self.opened = threading.Event()

    def saw(self, n_times: int) -> None:
        """One stream has so many pieces."""
        if n_times == self._n_tokens:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    self.opened.set()


def _reset_peak() -> None:
    with suppress(OSError):
        _CLEAR.write_text(_RESET_PEAK_CODE, "ascii")


def _answer(out: TextIO, outcome: Outcome) -> None:
    out.write(to_line(outcome))
    out.flush()
