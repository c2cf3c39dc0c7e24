"""A closed loop of connections, each asking again as soon as it has its answer, run by wrk."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.proxy.processes import ContenderError, Running
from benchmarks.proxy.work import BODY, CHAT_PATH, KEY

_FIGURES = "figures "
_SCRIPT = f"""\
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {KEY}"
wrk.body = [==[{BODY.decode()}]==]
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '{_FIGURES}{{"n": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}}\\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run saw.

    Args:
        per_second: answers a second.
        p50_ms: median latency.
        p99_ms: that 1 in 100 exceeded.
        cpu_us: CPU time of the contender an answer, in microseconds.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def is_installed() -> bool:
    """Whether this machine has wrk."""
    return shutil.which("wrk") is not None


def load(contender: Running, *, connections: int, seconds: int, folder: Path) -> Load:
    """Ask a contender for so long.

    Raises:
        ContenderError: it did not answer all with 200.
    """
    script = folder / "chat.lua"
    script.write_text(_SCRIPT)
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
        f"http://127.0.0.1:{contender.port}{CHAT_PATH}",
    ]  # fmt: skip
    cpu_s = contender.cpu_s()
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    cpu_s = contender.cpu_s() - cpu_s
    return loaded(contender.name, said, cpu_s)


def loaded(name: str, said: str, cpu_s: float) -> Load:
    """Read what wrk has said.

    Args:
        name: of the contender.
        said: wrk's output.
        cpu_s: what the contender used meanwhile.

    Raises:
        ContenderError: some answer was no 200, or there was none.
    """
    line = next((line for line in said.splitlines() if line.startswith(_FIGURES)), None)
    figures = json.loads(line.removeprefix(_FIGURES)) if line else {"n": 0, "failed": 0}
    if figures["failed"] or not figures["n"]:
        raise ContenderError(f"{name}: {figures['failed']} failures of {figures['n']} answers")
    return Load(
        figures["n"] / figures["seconds"],
        figures["p50_ms"],
        figures["p99_ms"],
        1e6 * cpu_s / figures["n"],
    )
