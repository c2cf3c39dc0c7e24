"""Programs that listen: started, looked at while they work, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.proxy.work import BODY, CHAT_PATH, KEY

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 120.0
_NS_PER_S = 1e9


class ContenderError(Exception):
    """A program does not start, or does not answer; says which, and where its log is."""


@dataclass(frozen=True, slots=True)
class Program:
    """How to start one.

    Args:
        name: of the contender.
        command: ``{port}`` stands for the port that it shall listen on.
        environ: beside our own environment.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Running:
    """A program that answers.

    Args:
        name: of the contender.
        port: where it listens.
        pid: of the process that was started.
        ready_s: from its start to its first answer.
    """

    name: str
    port: int
    pid: int
    ready_s: float

    def cpu_s(self) -> float:
        """CPU seconds that it and its children have used, to the nanosecond."""
        return sum(
            int(file.read_text().split()[0]) / _NS_PER_S
            for pid in family(self.pid)
            for file in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )

    def resident_mb(self, *, peak: bool = False) -> float:
        """Memory that it and its children hold now, or held at most."""
        field = "VmHWM:" if peak else "VmRSS:"
        return sum(_memory_mb(pid, field) for pid in family(self.pid))


@contextmanager
def running(program: Program, *, log: Path) -> Iterator[Running]:
    """Start a program and wait until it answers a chat; it ends with the block.

    Raises:
        ContenderError: it does not answer in time, or ends.
    """
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in program.command]
    with log.open("ab") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **program.environ}, stdout=said, stderr=said
        )
    try:
        while not answers(port):
            if process.poll() is not None or time.perf_counter() - started > READY_WITHIN_S:
                raise ContenderError(f"{program.name} does not answer; see {log}")
            time.sleep(0.01)
        yield Running(program.name, port, process.pid, time.perf_counter() - started)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    """Whether a chat is answered there with 200."""
    head = (
        f"POST {CHAT_PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {KEY}\r\nconnection: close\r\ncontent-length: {len(BODY)}\r\n\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head.encode() + BODY)
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def family(pid: int) -> list[int]:
    """A process and all its descendants that still run."""
    found = [pid]
    for parent in found:
        try:
            text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            continue
        found += map(int, text.split())
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _memory_mb(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0
