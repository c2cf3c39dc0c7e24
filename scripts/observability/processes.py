"""Programs that run beside, and end with us."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

STOP_WITHIN_S = 30.0
_PAUSE_S = 0.1


@contextmanager
def running(
    command: Sequence[str], log: Path, *, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block is left; what it says goes to a file."""
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=environ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_WITHIN_S)
                except subprocess.TimeoutExpired:
                    process.kill()


def free_port() -> int:
    """A port of the loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float) -> None:
    """Ask again and again.

    Raises:
        TimeoutError: it did not come in time; the message says what.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        time.sleep(_PAUSE_S)


def get(port: int, path: str, **parameters: str) -> tuple[int, bytes]:
    """Ask a server of this machine; status 0 where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", f"{path}?{urlencode(parameters)}" if parameters else path)
        response = connection.getresponse()
        return response.status, response.read()
    except (ConnectionError, http.client.HTTPException, TimeoutError):
        return 0, b""
    finally:
        connection.close()


def get_json(port: int, path: str, **parameters: str) -> Any:
    """The same, decoded.

    Raises:
        RuntimeError: any status but 200; the message has the body's beginning.
    """
    status, body = get(port, path, **parameters)
    if status != http.client.OK:
        raise RuntimeError(f"{path}: status {status} {body[:300]!r}")
    return json.loads(body)
