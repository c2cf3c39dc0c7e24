"""A GGUF model in a child process of another of our processes: workers share one engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from proxy.backends.base import Reply
from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_client import EngineClient
from proxy.backends.engine_state import EngineKey, EngineState, engine_key
from proxy.backends.local_fields import CAPABILITIES
from proxy.domain import ChatRequest, Transcript
from proxy.errors import OverloadedError
from proxy.upstream.base import UpstreamClient
from proxy.upstream.choose import AutoClient


class BorrowedEngines:
    """The engines of another process, as it says that they are; the event loop owns it."""

    def __init__(self) -> None:
        self._states: dict[EngineKey, EngineState] = {}
        self._borrowers: list[BorrowedBackend] = []
        self._news = asyncio.Event()

    def connect(self, config: LlamaCppConfig, client: UpstreamClient | None) -> BorrowedBackend:
        """Make the backend of one model."""
        backend = BorrowedBackend(config, self, client)
        self._borrowers.append(backend)
        return backend

    def find(self, key: EngineKey) -> EngineState | None:
        """Return what is known of an engine; None until it has been told."""
        return self._states.get(key)

    def update(self, states: Mapping[EngineKey, EngineState]) -> None:
        """Take over how all engines are now, and tell whom it concerns."""
        old, self._states = self._states, dict(states)
        self._news.set()
        self._news = asyncio.Event()
        for backend in self._borrowers:
            before, now = old.get(backend.key), self._states.get(backend.key)
            if before and now and now.is_ready and now.restarts > before.restarts:
                backend.on_return()

    async def until_ready(self, key: EngineKey) -> EngineState:
        """Wait for an engine."""
        while (state := self.find(key)) is None or not state.is_ready:
            await self._news.wait()
        return state


class BorrowedBackend:
    """Answers through an engine that another process starts, watches and ends.

    Args:
        config: which engine.
        engines: says how it is.
        client: connections that the caller closes; None for its own.

    Attributes:
        on_return: called when the engine's process had died and has been replaced.
    """

    def __init__(
        self, config: LlamaCppConfig, engines: BorrowedEngines, client: UpstreamClient | None
    ) -> None:
        self.model = config.name
        self.capabilities = CAPABILITIES
        self.key = engine_key(config)
        self.on_return: Callable[[], None] = _nothing
        self._engines = engines
        self._client: UpstreamClient = AutoClient() if client is None else client
        self._owns_client = client is None
        self._upstream: EngineClient | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the engine answers."""
        state = self._engines.find(self.key)
        return state is not None and state.is_ready

    async def start(self) -> None:
        """Wait for the engine; whoever owns it says what is wrong when it cannot be loaded."""
        state = await self._engines.until_ready(self.key)
        self._upstream = EngineClient(self.model, state.socket_path, self._client)

    async def close(self) -> None:
        """Close the connections; the engine is another's."""
        if self._owns_client:
            await self._client.close()

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer one request; see `EngineClient.chat`. Raises OverloadedError while it is away."""
        state = self._engines.find(self.key)
        if self._upstream is None or state is None or not state.is_ready:
            raise OverloadedError(
                "restarting", retry_after_s=1 if state is None else state.retry_after_s
            )
        async with self._upstream.chat(request, transcript) as reply:
            yield reply


def _nothing() -> None:
    """Nobody asked to be told."""
