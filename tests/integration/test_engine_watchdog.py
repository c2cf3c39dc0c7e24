"""The real engine's process under its watchdog: stopped it is replaced, busy it is left alone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.backends.backoff import Backoff
from proxy.backends.config import EMBEDDED_MODEL
from proxy.backends.engine_wire import PULSE_PATH, ask, decode_pulse
from proxy.backends.supervised import SupervisedBackend
from proxy.backends.watchdog import Patience
from proxy.domain import ChatRequest, Transcript
from proxy.engine.stats import Pulse
from proxy.errors import BackendError
from proxy.upstream.aiohttp_client import AiohttpClient
from tests.processes import is_running

pytestmark = pytest.mark.gguf

GIVE_UP_S = 120


@asynccontextmanager
async def _serving(patience: Patience) -> AsyncIterator[SupervisedBackend]:
    config = EMBEDDED_MODEL.model_copy(update={"n_ctx_tokens": 4096, "slots": 2})
    backend = SupervisedBackend(config, backoff=Backoff(first_s=0), patience=patience)
    async with asyncio.timeout(GIVE_UP_S):
        await backend.start()
        try:
            yield backend
        finally:
            await backend.close()


async def _answer(backend: SupervisedBackend, text: str, **fields: object) -> Transcript:
    transcript = Transcript()
    messages = ({"role": "user", "content": text},)
    request = ChatRequest(backend.model, messages, {"max_tokens": 4, **fields})
    async with backend.chat(request, transcript) as reply:
        async for _ in reply.chunks:
            pass
    return transcript


async def _pulses(backend: SupervisedBackend, work: asyncio.Task[Transcript]) -> list[Pulse]:
    """What the process says of itself, as often as it can, while it works."""
    assert backend._folder is not None
    socket, client, pulses = str(backend._folder / "engine.sock"), AiohttpClient(), []
    try:
        while not work.done():
            pulses.append(decode_pulse(await ask(client, socket, PULSE_PATH, within_s=GIVE_UP_S)))
    finally:
        await client.close()
    return pulses


def test_long_prompt_is_no_hang() -> None:
    """The process answers all along, and one sees it get on from step to step."""

    async def act() -> None:
        patience = Patience(interval_s=0.02, answer_s=GIVE_UP_S, max_unanswered=1, step_s=60)
        async with _serving(patience) as backend:
            pid = backend.pid
            loop = asyncio.get_running_loop()
            work = loop.create_task(_answer(backend, "owl " * 2000))
            pulses = await _pulses(backend, work)
            assert work.result().is_complete
            assert len({pulse.n_steps for pulse in pulses if pulse.n_open}) > 3
            assert (backend.restarts, backend.pid) == (0, pid)

    asyncio.run(act())


def test_stopped_process_costs_its_stream_and_the_next_one_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As after an abort."""

    async def act() -> None:
        patience = Patience(interval_s=0.1, answer_s=2, max_unanswered=2)
        async with _serving(patience) as backend:
            stopped, returned = backend.pid, asyncio.Event()
            backend.on_return = returned.set
            assert stopped is not None
            os.kill(stopped, signal.SIGSTOP)
            with pytest.raises(BackendError, match="restarts by itself"):
                await _answer(backend, "Tell me a long story.", stream=True, max_tokens=2000)
            await returned.wait()
            assert not is_running(stopped)
            assert (await _answer(backend, "Name a colour.")).is_complete

    asyncio.run(act())
    assert "engine_hung" in caplog.text
