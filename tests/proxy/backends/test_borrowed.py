"""An engine that another process owns: here, one that this test supervises beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.backends.backoff import Backoff
from proxy.backends.borrowed import BorrowedBackend, BorrowedEngines
from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_state import EngineState, engine_key
from proxy.backends.supervised import SupervisedBackend
from proxy.domain import ChatRequest, Transcript
from proxy.errors import BackendError, OverloadedError
from proxy.tasks import spawn
from tests.scripted_engine import COMMAND

CONFIG = LlamaCppConfig(name="m", path="m.gguf")
KEY = engine_key(CONFIG)
AWAY = EngineState("/nowhere.sock", is_ready=False, load_s=7)


@asynccontextmanager
async def _shared() -> AsyncIterator[tuple[SupervisedBackend, BorrowedEngines]]:
    owner, engines = (
        SupervisedBackend(CONFIG, command=COMMAND, backoff=Backoff(first_s=0)),
        BorrowedEngines(),
    )
    owner.on_change = lambda: engines.update({KEY: owner.state} if owner.state else {})
    await owner.start()
    try:
        yield owner, engines
    finally:
        await owner.close()


async def _answer(backend: BorrowedBackend, text: str) -> str:
    transcript = Transcript()
    request = ChatRequest("m", ({"role": "user", "content": text},), {"stream": True})
    async with backend.chat(request, transcript) as reply:
        async for _ in reply.chunks:
            pass
    return transcript.text


def test_two_share_one_engine() -> None:
    """Its process is the owner's; closing a borrower ends nothing."""

    async def act() -> None:
        async with _shared() as (owner, engines):
            borrowers = [engines.connect(CONFIG, None) for _ in range(2)]
            for backend in borrowers:
                await backend.start()
                assert backend.is_ready
                assert await _answer(backend, "hello") == "Good day to you."
                await backend.close()
            assert owner.is_ready

    asyncio.run(act())


def test_start_waits_until_the_owner_has_it_loaded() -> None:
    """Told of once, or again and again."""

    async def act() -> None:
        engines = BorrowedEngines()
        backend = engines.connect(CONFIG, None)
        starting = spawn(backend.start(), name="start")
        for states in ({}, {"another": AWAY}, {KEY: AWAY}):
            engines.update(states)
            await asyncio.sleep(0)
            assert not starting.done()
        engines.update({KEY: EngineState("/e.sock", is_ready=True)})
        await starting
        await backend.close()

    asyncio.run(act())


def test_while_it_is_away_requests_get_503_with_a_time() -> None:
    """The owner knows when it will be back."""

    async def act() -> None:
        engines = BorrowedEngines()
        backend = engines.connect(CONFIG, None)
        engines.update({KEY: EngineState("/e.sock", is_ready=True)})
        await backend.start()
        engines.update({KEY: AWAY})
        assert not backend.is_ready
        with pytest.raises(OverloadedError) as caught:
            await _answer(backend, "hello")
        assert (caught.value.reason, caught.value.retry_after_s) == ("restarting", 7)
        await backend.close()

    asyncio.run(act())


def test_death_of_the_engine_is_told_and_survived() -> None:
    """The request gets a 503; the next process answers on the same socket."""

    async def act() -> None:
        async with _shared() as (owner, engines):
            backend = engines.connect(CONFIG, None)
            await backend.start()
            back = asyncio.Event()
            backend.on_return = back.set
            with pytest.raises(BackendError, match="restarts by itself"):
                await _answer(backend, "die")
            await back.wait()
            assert owner.restarts == 1
            assert await _answer(backend, "hello") == "Good day to you."
            await backend.close()

    asyncio.run(act())
