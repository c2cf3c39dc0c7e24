"""The openai backend does what every backend must, over TCP and over a unix socket."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from proxy.backends.config import OpenAIConfig
from proxy.backends.openai import OpenAIBackend
from tests.conformance.backend_suite import MODEL, BackendSuite, Script, Served
from tests.conformance.openai_server import openai_server


class TestOverTcp(BackendSuite):
    """Against a loopback port."""

    @asynccontextmanager
    async def serve(self, script: Script) -> AsyncIterator[Served]:
        """A backend in front of a loopback server."""
        async with openai_server(script) as (server, address):
            backend = OpenAIBackend(OpenAIConfig(name=MODEL, base_url=address.url))
            await backend.start()
            yield Served(backend, server.idle)
            await backend.close()


class TestOverUnixSocket(BackendSuite):
    """Against the kind of address that the engine's child process has."""

    @asynccontextmanager
    async def serve(self, script: Script) -> AsyncIterator[Served]:
        """A backend in front of a server on a unix socket."""
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "engine.sock")
            async with openai_server(script, socket_path=path) as (server, address):
                backend = OpenAIBackend(OpenAIConfig(name=MODEL, base_url=address.url))
                await backend.start()
                yield Served(backend, server.idle)
                await backend.close()
