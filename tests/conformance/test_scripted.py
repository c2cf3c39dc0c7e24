"""The scripted backend does what every backend must."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from tests.conformance.backend_suite import MODEL, BackendSuite, Script, Served


class TestScripted(BackendSuite):
    """The fake itself is held to the contract, or tests on it would prove nothing."""

    @asynccontextmanager
    async def serve(self, script: Script) -> AsyncIterator[Served]:
        """A backend with one rule."""
        rule = ScriptedRule(
            answers=("".join(script.deltas),),
            status=None if script.status == 200 else script.status,
            break_after=script.break_after,
        )

        async def hold(index: int) -> None:
            if index == script.hold_after:
                await asyncio.Event().wait()

        config = ScriptedConfig(name=MODEL, rules=(rule,))
        backend = ScriptedBackend(config, before_delta=hold)
        await backend.start()

        async def freed() -> None:
            assert backend.in_flight == 0

        yield Served(backend, freed)
        await backend.close()
