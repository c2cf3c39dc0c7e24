"""The proxy under ASGI servers that others wrote, each in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.edge import write_policy
from tests.loopback import Handler, Loopback, loopback
from tests.rig import ASK, CHAT, HttpAnswer, parsed, request_bytes

FACTORY = "proxy.serve.asgi:create"
SERVERS: Mapping[str, Sequence[str]] = {
    "uvicorn": ("--factory", FACTORY, "--uds"),
    "granian": ("--interface", "asgi", "--factory", FACTORY, "--uds"),
}
"""Module → its arguments, up to the path of a unix socket."""

KEY = "client-secret-51c0"
_UP_WITHIN_S = 60


@dataclass(frozen=True)
class Site:
    """A running server.

    Args:
        process: its parent, where it has several.
        socket: where it listens.
        log: what it has said.
        upstream: what it asks.
    """

    process: asyncio.subprocess.Process
    socket: Path
    log: Path
    upstream: Loopback

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it."""
        return await asyncio.open_unix_connection(self.socket)

    async def send(self, data: bytes) -> HttpAnswer:
        """Send these bytes and read all that comes."""
        reader, writer = await self.connect()
        writer.write(data)
        try:
            return parsed(await reader.read())
        finally:
            writer.close()

    async def chat(self, **fields: Any) -> HttpAnswer:
        """Ask the upstream's model."""
        return await self.send(chat_bytes(**fields))

    async def metric(self, sample: str) -> float:
        """One sample; 0 if absent."""
        page = await self.send(request_bytes("GET", "/metrics", b"", _AUTHORIZED))
        lines = page.body.decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if line[:1] not in {"", "#"})
        return float(values.get(sample, 0))

    async def is_listening(self) -> bool:
        """Whether it takes connections."""
        try:
            _, writer = await self.connect()
        except OSError:
            return False
        writer.close()
        return True


_AUTHORIZED = {"authorization": f"Bearer {KEY}"}


def chat_bytes(**fields: Any) -> bytes:
    """A chat request with the key."""
    return request_bytes("POST", CHAT, msgspec.json.encode({**ASK, **fields}), _AUTHORIZED)


def arguments(server: str, socket: Path) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", server, *SERVERS[server], str(socket)]


def configure(folder: Path, base_url: str, **config: Any) -> dict[str, str]:
    """Write a configuration, and return the environment that names it."""
    write_policy(folder / "policies", "careful", "decoding: {temperature: 0.5}\n")
    given = {
        "policies": str(folder / "policies"),
        "models": [{"name": "m", "backend": "openai", "base_url": base_url}],
        "judging": {"judge": "scripted"},
        "keys": [{"id": "team-a", "secret_env": "TEAM_A_KEY"}],
    }
    path = folder / "guardtune.yaml"
    path.write_text(yaml.safe_dump({**given, **config}), encoding="utf-8")
    return {**os.environ, "GUARDTUNE_CONFIG": str(path), "TEAM_A_KEY": KEY}


@asynccontextmanager
async def hosted(server: str, folder: Path, handler: Handler, **config: Any) -> AsyncIterator[Site]:
    """Run the proxy under a server, in front of `handler`, until the block is left."""
    socket, log = folder / "s", folder / "log"
    async with loopback(handler) as upstream:
        environ = configure(folder, upstream.url, **config)
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *arguments(server, socket), stdout=file, stderr=file, env=environ
            )
        site = Site(process, socket, log, upstream)
        try:
            async with asyncio.timeout(_UP_WITHIN_S):
                while not await site.is_listening():
                    assert process.returncode is None, log.read_text("utf-8")
                    await asyncio.sleep(0.01)
                yield site
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
