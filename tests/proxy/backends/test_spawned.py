"""The engines of a process that shares them."""

from __future__ import annotations

import asyncio

from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_state import engine_key
from proxy.backends.spawned import SpawnedEngines
from tests.scripted_engine import COMMAND

CONFIG = LlamaCppConfig(name="m", path="m.gguf")


def test_states_are_of_the_engines_that_were_started() -> None:
    """Each change is told."""

    async def act() -> None:
        engines, changes = SpawnedEngines(command=COMMAND), []
        backend = engines.connect(CONFIG, None)
        engines.on_change = lambda: changes.append(dict(engines.states))
        assert engines.states == {}
        await backend.start()
        (state,) = engines.states.values()
        assert list(engines.states) == [engine_key(CONFIG)]
        assert state.is_ready
        assert changes == [engines.states]
        await backend.close()
        assert engines.states == {}

    asyncio.run(act())


def test_first_of_two_equal_engines_is_the_one_to_share() -> None:
    """A served model and a judge's may be configured alike; each has its own process."""
    engines = SpawnedEngines(command=COMMAND)
    assert engines.connect(CONFIG, None) is not engines.connect(CONFIG, None)


def test_rest_is_what_is_shared_and_not_started_yet() -> None:
    """Each engine once, however many are configured alike."""

    async def act() -> None:
        engines = SpawnedEngines(command=COMMAND)
        model, alike = engines.connect(CONFIG, None), engines.connect(CONFIG, None)
        judge = engines.connect(LlamaCppConfig(name="judge", path="j.gguf"), None)
        await model.start()
        pid = model.pid
        await engines.start_rest()
        assert (model.pid, alike.pid) == (pid, None)
        assert judge.is_ready
        for backend in (model, judge):
            await backend.close()

    asyncio.run(act())
