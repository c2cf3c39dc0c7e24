"""Contenders' processes, seen from the benchmark: start, ask, end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from benchmarks.engine.jobs import Job, Outcome, Setup, outcome_from, to_line
from benchmarks.engine.plan import ContenderName

ROOT = Path(__file__).resolve().parents[2]

OMP_WAIT_POLICY = "PASSIVE"
"""The same for all but the one that is there to show what the default does."""

_MODULES: Mapping[ContenderName, Sequence[str]] = {
    "guardtune": ("guardtune",),
    "guardtune_default_openmp": ("guardtune", "--default-openmp"),
    "guardtune_profiled": ("guardtune", "--profile"),
    "guardtune_tuner": ("guardtune", "--tuner"),
    "high_level": ("high_level",),
    "native": ("native",),
}

_END_TIMEOUT_S = 30.0

_BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""
"""Ends with whoever started it, however that ends."""


class ContenderError(Exception):
    """A contender did not load its model, or has died; its log says why."""


class Contender:
    """One running process; stays idle, asleep in a read, between its turns.

    Args:
        name: which one.
        python: the interpreter that it needs.
        setup: how it loads its model.
        log: takes whatever it prints.
    """

    def __init__(self, name: ContenderName, python: Path, setup: Setup, log: Path) -> None:
        self.name = name
        self._log = log
        module, *options = _MODULES[name]
        command = [str(python), "-m", f"benchmarks.engine.contenders.{module}", *options]
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment(name, setup), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        self._ask(to_line(setup))

    def run(self, job: Job) -> Outcome:
        """Run one job. Raises ContenderError when the process has died."""
        return self._ask(to_line(job))

    def close(self) -> None:
        """End it: first by ending its input, then by force."""
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, line: str) -> Outcome:
        try:
            pipe = _pipe(self._process.stdin)
            pipe.write(line)
            pipe.flush()
            answer = _pipe(self._process.stdout).readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise ContenderError(f"{self.name} has ended without an answer; see {self._log}")
        return outcome_from(answer)


def environment(name: ContenderName, setup: Setup) -> dict[str, str]:
    """Its environment: OpenMP reads its variables once, when the library is loaded."""
    openmp = {"OMP_NUM_THREADS": str(setup.threads)}
    if name != "guardtune_default_openmp":
        openmp["OMP_WAIT_POLICY"] = OMP_WAIT_POLICY
    kept = {name: value for name, value in os.environ.items() if not _is_openmp(name)}
    return kept | openmp


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Another process that wants a core the whole time."""
    process = subprocess.Popen([sys.executable, "-c", _BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _is_openmp(name: str) -> bool:
    return name.startswith(("OMP_", "GOMP_", "KMP_"))


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise AssertionError
    return pipe
