"""A policy's beginning is in the engine before its first user is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.backends.base import Reply
from proxy.backends.config import LlamaCppConfig, ScriptedConfig, ScriptedRule
from proxy.backends.local import LocalBackend
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest, Priority, Transcript
from proxy.engine.stats import EngineStats
from proxy.errors import OverloadedError
from proxy.policy.apply import apply
from tests.edge import assemble, running, write_policy
from tests.proxy.engine.fake_runtime import FakeRuntime

PROMPT = "system_prompt: {text: Answer briefly and kindly and in plain words.}\n"


class Local(ScriptedBackend):
    """A scripted backend that passes for one with an engine."""

    stats = EngineStats()

    def __init__(self, name: str = "fake") -> None:
        super().__init__(ScriptedConfig(name=name, rules=(ScriptedRule(),)))


class Flaky(Local):
    """Its engine can die and come back."""

    is_ready = True

    def on_return(self) -> None:
        """The service puts its own in place of this."""
        raise AssertionError("nobody has asked to be told")


class Full(Local):
    """It refuses everything."""

    n_asked = 0

    @asynccontextmanager
    async def chat(self, _request: ChatRequest, _transcript: Transcript) -> AsyncIterator[Reply]:
        """Raise."""
        self.n_asked += 1
        raise OverloadedError("queue_full")
        yield


def test_live_policies_are_warmed_at_start_and_after_a_change_once(tmp_path: Path) -> None:
    """In the background, with what the policy puts before the user's message."""
    write_policy(tmp_path, "careful", PROMPT)
    backend = Local()
    proxy = assemble(tmp_path, [backend])
    parts = proxy.service.parts

    async def run() -> None:
        async with running(proxy):
            await parts.prewarm.settled()
            parts.policies.store.reload()
            write_policy(tmp_path, "careful", PROMPT.replace("briefly", "at length"))
            parts.policies.store.reload()
            await parts.prewarm.settled()

    asyncio.run(run())
    texts = [str(request.messages[0]["content"]) for request in backend.requests]
    assert [text.split()[1] for text in texts] == ["briefly", "at"]
    assert {request.priority for request in backend.requests} == {Priority.BACKGROUND}


def test_policy_without_a_beginning_has_nothing_to_warm(tmp_path: Path) -> None:
    """It only sets decoding."""
    write_policy(tmp_path, "cool", "decoding: {temperature: 0.1}\n")
    backend = Local()
    proxy = assemble(tmp_path, [backend])

    async def run() -> None:
        async with running(proxy):
            await proxy.service.parts.prewarm.settled()

    asyncio.run(run())
    assert not backend.requests


def test_busy_engine_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first user warms it then."""
    write_policy(tmp_path, "careful", PROMPT)
    backend = Full()
    proxy = assemble(tmp_path, [backend])

    async def run() -> None:
        async with running(proxy):
            await proxy.service.parts.prewarm.settled()

    asyncio.run(run())
    assert backend.n_asked == 1
    assert "Traceback" not in caplog.text


def test_engine_that_came_back_is_warmed_again_and_alone(tmp_path: Path) -> None:
    """Its process was replaced, so it has forgotten; the other model's has not."""
    write_policy(tmp_path, "careful", PROMPT)
    flaky, steady = Flaky("flaky"), Local("steady")
    proxy = assemble(tmp_path, [flaky, steady])
    prewarm = proxy.service.parts.prewarm

    async def run() -> None:
        async with running(proxy):
            await prewarm.settled()
            flaky.on_return()
            await prewarm.settled()

    asyncio.run(run())
    assert [len(backend.requests) for backend in (flaky, steady)] == [2, 1]
    assert flaky.requests[0].messages == flaky.requests[1].messages


def test_policy_that_changed_while_the_engine_was_away_is_warmed_on_its_return(
    tmp_path: Path,
) -> None:
    """It could not be warmed when it came into force."""
    write_policy(tmp_path, "careful", PROMPT)
    flaky = Flaky("flaky")
    proxy = assemble(tmp_path, [flaky])
    parts = proxy.service.parts

    async def run() -> None:
        async with running(proxy):
            await parts.prewarm.settled()
            flaky.is_ready = False
            write_policy(tmp_path, "careful", PROMPT.replace("briefly", "at length"))
            parts.policies.store.reload()
            await parts.prewarm.settled()
            assert len(flaky.requests) == 1
            flaky.is_ready = True
            flaky.on_return()
            await parts.prewarm.settled()

    asyncio.run(run())
    assert "at length" in str(flaky.requests[1].messages[0]["content"])


def test_first_user_after_a_reload_hits_what_was_warmed(tmp_path: Path) -> None:
    """All of the policy's part of the prompt is there."""
    write_policy(tmp_path, "careful", PROMPT)
    backend = LocalBackend(LlamaCppConfig(name="fake", path="fake.gguf", slots=2))
    backend._engine._open_runtime = lambda: FakeRuntime(n_cells=8192)
    proxy = assemble(tmp_path, [backend])
    parts = proxy.service.parts
    transcript = Transcript()

    async def run() -> None:
        async with running(proxy):
            write_policy(tmp_path, "careful", PROMPT.replace("briefly", "at length"))
            parts.policies.store.reload()
            await parts.prewarm.settled()
            (policy,) = parts.policies.store.snapshot.policies
            asked = ChatRequest("fake", ({"role": "user", "content": "Why?"},), {"max_tokens": 1})
            applied = apply(policy, asked, backend.capabilities).request
            async with backend.chat(applied, transcript) as reply:
                assert [chunk async for chunk in reply.chunks]

    asyncio.run(run())
    assert transcript.usage is not None
    assert transcript.usage.cached_tokens > len(PROMPT) - 30
