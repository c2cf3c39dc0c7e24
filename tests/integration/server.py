"""A real `guardtune serve` in a process of its own, and plain HTTP to talk to it."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

STOP_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply:
        """Send one request on a connection of its own; an iterator is sent in HTTP chunks."""
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return HttpReply(response.status, names, response.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> HttpReply:
        """Send a GET."""
        return self.request("GET", path, headers=headers)

    def chat(self, text: str, **fields: object) -> HttpReply:
        """Ask the first served model."""
        messages = [{"role": "user", "content": text}]
        body = {"model": "fake", "messages": messages, **fields}
        return self.request("POST", "/v1/chat/completions", msgspec.json.encode(body))

    def metric(self, sample: str) -> float | None:
        """Read one sample of ``/metrics`` by its whole name with labels; None if absent."""
        for line in self.get("/metrics").body.decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return None

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_WITHIN_S)


def command(*arguments: str) -> list[str]:
    """Return the command line of ``guardtune`` under this Python."""
    return [sys.executable, "-m", "proxy", *arguments]


@contextmanager
def serving(
    folder: Path,
    config: Mapping[str, Any],
    *,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """Run a server until the block is left; entered once everything is loaded.

    Args:
        folder: its configuration and log go there.
        config: the YAML configuration; a free port is taken.
        arguments: further flags.
        environ: further variables.
        log: another place for it than that folder.
    """
    path = folder / "guardtune.yaml"
    path.write_text(yaml.safe_dump({"port": 0, **config}), encoding="utf-8")
    log = log or folder / "server.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            command("serve", "--config", str(path), *arguments),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **(environ or {})},
        ) as process,
    ):
        try:
            yield Server(process, _address(process, log), log)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(STOP_WITHIN_S)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    """Read the banner up to ``ready``; fails with the log where the server ends before."""
    assert process.stdout is not None
    url = ""
    for line in process.stdout:
        name, _, value = line.strip().partition(" ")
        if name == "address":
            url = value.strip().removesuffix("/v1")
        if name == "ready":
            return url
    raise AssertionError(f"the server did not start:\n{log.read_text(encoding='utf-8')}")
