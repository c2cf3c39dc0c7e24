"""The programs that are compared, each as a process that listens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.proxy.work import KEY, POLICY, configuration

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

DIRECT = "direct"
CONTENDERS = (DIRECT, "bare", "guardtune-aiohttp", "guardtune", "guardtune-judging")


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that listens."""

    name: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds it has used, in user and kernel mode, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def resident_mb(self) -> float:
        """Memory it holds now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


@contextmanager
def running(folder: Path) -> Iterator[list[Running]]:
    """Start all contenders, `DIRECT` being the mock itself; they end with the block."""
    (folder / "policies").mkdir(parents=True, exist_ok=True)
    (folder / "policies" / "benchmark.yaml").write_text(POLICY)
    with ExitStack() as processes:
        mock = processes.enter_context(_process(DIRECT, "-m", "benchmarks.proxy.mock", "{port}"))
        others = [
            processes.enter_context(_process(name, *_command(name, folder, mock.port)))
            for name in CONTENDERS[1:]
        ]
        yield [mock, *others]


def _command(name: str, folder: Path, mock_port: int) -> tuple[str, ...]:
    if name == "bare":
        os.environ["MOCK_PORT"] = str(mock_port)
        return (
            "-m", "uvicorn", "benchmarks.proxy.bare:app", "--port", "{port}", "--http",
            "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "error",
        )  # fmt: skip
    client = "aiohttp" if name == "guardtune-aiohttp" else "lean"
    judge = "embedded" if name == "guardtune-judging" else "scripted"
    path = folder / f"{name}.yaml"
    path.write_text(
        configuration(
            client=client, judge=judge, mock_port=mock_port, policies=str(folder / "policies")
        )
    )
    return ("-m", "proxy", "serve", "--config", str(path), "--port", "{port}")


@contextmanager
def _process(name: str, *arguments: str) -> Iterator[Running]:
    port = _free_port()
    command = [sys.executable, *(argument.format(port=port) for argument in arguments)]
    environ: Mapping[str, str] = {**os.environ, "BENCHMARK_KEY": KEY}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield Running(name, port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen")
