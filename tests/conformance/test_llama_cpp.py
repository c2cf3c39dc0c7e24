"""The llama_cpp backend does what every backend must, with the real SmolLM2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.backends.config import LlamaCppConfig
from proxy.backends.local import LocalBackend
from proxy.backends.supervised import SupervisedBackend
from tests.conformance.backend_suite import MODEL, BackendSuite, Script, Served


@pytest.mark.gguf
class TestLlamaCpp(BackendSuite):
    """It says what it likes, so the scripted faults are skipped."""

    follows_script = False

    @asynccontextmanager
    async def serve(self, script: Script) -> AsyncIterator[Served]:
        """The embedded model as shipped: a conversion would take longer than the tests."""
        backend = LocalBackend(
            LlamaCppConfig(name=MODEL, path="embedded", n_ctx_tokens=2048, slots=4)
        )
        await backend.start()

        async def freed() -> None:
            assert backend.stats.n_processing == 0

        yield Served(backend, freed)
        await backend.close()


@pytest.mark.gguf
class TestLlamaCppInAChild(BackendSuite):
    """The same, with the engine in a process of its own."""

    follows_script = False

    @asynccontextmanager
    async def serve(self, script: Script) -> AsyncIterator[Served]:
        """One process a test."""
        backend = SupervisedBackend(
            LlamaCppConfig(name=MODEL, path="embedded", n_ctx_tokens=2048, slots=4)
        )
        await backend.start()

        async def freed() -> None:
            await backend.refresh_stats()
            while backend.stats.n_processing:
                await backend.refresh_stats()

        yield Served(backend, freed)
        await backend.close()
