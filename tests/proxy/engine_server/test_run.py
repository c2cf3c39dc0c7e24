"""The engine process from outside: orders in, one report out, and its end."""

from __future__ import annotations

import logging
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.backends.engine_wire import Failed, Orders, Ready, decode_report, encode
from tests.scripted_engine import COMMAND

STOP_WITHIN_S = 60


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """Short enough for a socket's address; whatever is left of the folder is removed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "private" / "engine.sock"


def _start(path: Path, *, model: str = "m.gguf") -> subprocess.Popen[bytes]:
    path.parent.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "m"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert process.stdin is not None
    orders = Orders({"backend": "llama_cpp", "name": "m", "path": model}, str(path), logging.INFO)
    process.stdin.write(encode(orders) + b"\n")
    process.stdin.flush()
    return process


def test_it_reports_once_it_listens_and_ends_on_sigterm(socket_path: Path) -> None:
    """Cleanly."""
    with _start(socket_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert isinstance(decode_report(process.stdout.readline()), Ready)
        assert socket_path.is_socket()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_WITHIN_S) == 0
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""


def test_it_ends_with_the_proxy_and_takes_its_files_along(socket_path: Path) -> None:
    """The pipe on stdin is the proxy's life."""
    with _start(socket_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(STOP_WITHIN_S) == 1
        assert not socket_path.parent.exists()


def test_model_that_cannot_be_loaded_is_reported_without_a_traceback(socket_path: Path) -> None:
    """The proxy shows the message to whoever started it."""
    with _start(socket_path, model="/a/missing.gguf") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        report = decode_report(process.stdout.readline())
        assert isinstance(report, Failed)
        assert "/a/missing.gguf" in report.message
        assert process.wait(STOP_WITHIN_S) == 2
        assert process.stderr.read() == b""
