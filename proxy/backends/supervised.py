"""A GGUF model in a child process: what kills llama.cpp costs its requests, never the proxy.

llama.cpp aborts its process on some errors, a grammar mismatch for one. So `serve` gives each model
a process of its own, which speaks OpenAI's wire on a unix socket, starts it again when it dies, and
kills it when it hangs.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from proxy.backends.backoff import Backoff
from proxy.backends.base import Reply
from proxy.backends.config import LlamaCppConfig
from proxy.backends.engine_client import EngineClient
from proxy.backends.engine_process import COMMAND, EngineProcess, spawn_engine
from proxy.backends.engine_state import EngineState
from proxy.backends.engine_wire import (
    PULSE_PATH,
    STATS_PATH,
    Orders,
    ask,
    decode_pulse,
    decode_stats,
)
from proxy.backends.local_fields import CAPABILITIES
from proxy.backends.private_folder import private_folder
from proxy.backends.watchdog import Patience, watch
from proxy.domain import ChatRequest, Transcript
from proxy.engine.stats import EngineStats, Pulse
from proxy.errors import BackendError, ModelLoadError, OverloadedError, UpstreamError
from proxy.tasks import cancel, spawn
from proxy.upstream.base import UpstreamClient
from proxy.upstream.choose import AutoClient

_log = logging.getLogger(__name__)

_SOCKET = "engine.sock"
_STATS_WITHIN_S = 1.0
_UNAVAILABLE = 503


class SupervisedBackend:
    """Serves one GGUF file from a child process; see `base.Backend`.

    Args:
        config: which file, and how much of the machine it gets.
        client: connections that the caller closes; None for its own.
        command: the child's program.
        backoff: how long a dead child stays dead.
        patience: when a child counts as hung; the configuration's by default.

    Attributes:
        on_return: called when a child that had died has been replaced.
        on_change: called whenever `state` has changed.
        stats: what the engine said of itself at the last `refresh_stats`.
        restarts: how often a child that had died was replaced.
    """

    def __init__(
        self,
        config: LlamaCppConfig,
        client: UpstreamClient | None = None,
        *,
        command: Sequence[str] = COMMAND,
        backoff: Backoff | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.model = config.name
        self.capabilities = CAPABILITIES
        self.stats = EngineStats()
        self.restarts = 0
        self.on_return: Callable[[], None] = _nothing
        self.on_change: Callable[[], None] = _nothing
        self._config = config
        self._client: UpstreamClient = AutoClient() if client is None else client
        self._owns_client = client is None
        # Of its own: a thousand streams may hold all connections of the other.
        self._aside: UpstreamClient = AutoClient()
        self._command = command
        self._backoff = backoff or Backoff()
        self._patience = patience or Patience(step_s=config.step_timeout_s)
        self._folder: Path | None = None
        self._upstream: EngineClient | None = None
        self._process: EngineProcess | None = None
        self._supervision: asyncio.Task[None] | None = None
        self._back_at = 0.0
        self._load_s = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether the child is there; False from its death until the next one has loaded."""
        return self._process is not None

    @property
    def state(self) -> EngineState | None:
        """What other processes need to share it; None before `start` and after `close`."""
        if self._folder is None:
            return None
        return EngineState(
            str(self._folder / _SOCKET), self.is_ready, self._back_at, self._load_s, self.restarts
        )

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the child and wait for its model. Raises ModelLoadError naming path and remedy."""
        self._folder = folder = private_folder(_SOCKET)
        self._upstream = EngineClient(self.model, str(folder / _SOCKET), self._client)
        try:
            self._process = await self._launch(folder)
        except BaseException:
            await self.close()
            raise
        self._supervision = spawn(
            self._supervise(folder, self._process), name=f"engine-{self.model}"
        )
        self.on_change()

    async def close(self) -> None:
        """End the child and leave nothing behind; safe to call twice."""
        await cancel(self._supervision)
        process, self._process = self._process, None
        if process is not None:
            await process.stop()
        await self._aside.close()
        if self._owns_client:
            await self._client.close()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer one request; see `EngineClient.chat`. Raises OverloadedError while it is away."""
        async with self._engine().chat(request, transcript) as reply:
            yield reply

    async def refresh_stats(self) -> None:
        """Ask the engine for its figures; those of one that is gone or busy stay as they were."""
        if self._folder is None or not self.is_ready:
            return
        socket = str(self._folder / _SOCKET)
        try:
            answer = await ask(self._aside, socket, STATS_PATH, within_s=_STATS_WITHIN_S)
            self.stats = decode_stats(answer)
        except (UpstreamError, msgspec.MsgspecError) as error:
            _log.warning("engine_stats_missing model=%s error=%s", self.model, error)

    def _engine(self) -> EngineClient:
        if self._upstream is None or (state := self.state) is None:
            raise BackendError(
                f"{self.model} is not running.", model=self.model, error_type="engine",
                status=_UNAVAILABLE,
            )  # fmt: skip
        if not state.is_ready:
            raise OverloadedError("restarting", retry_after_s=state.retry_after_s)
        return self._upstream

    async def _supervise(self, folder: Path, process: EngineProcess) -> None:
        """Replace the child whenever it dies."""
        while True:
            since = time.monotonic()
            how = await self._end_of(folder, process)
            self._process = None
            _log.error("engine_died model=%s pid=%d how=%s", self.model, process.pid, how)
            process = await self._replace(folder, lived_s=time.monotonic() - since)
            self._process = process
            self.restarts += 1
            self.on_change()
            # From the event loop itself, so that a mistake over there does not end the supervision.
            asyncio.get_running_loop().call_soon(self.on_return)

    async def _end_of(self, folder: Path, process: EngineProcess) -> str:
        """How the child ended; one that hangs is brought to its end."""
        watching = spawn(self._watch(folder, process), name=f"watchdog-{self.model}")
        try:
            return await process.ended()
        finally:
            await cancel(watching)

    async def _watch(self, folder: Path, process: EngineProcess) -> None:
        async def look() -> Pulse | None:
            within_s = self._patience.answer_s
            socket = str(folder / _SOCKET)
            with suppress(UpstreamError, msgspec.MsgspecError):
                return decode_pulse(await ask(self._aside, socket, PULSE_PATH, within_s=within_s))
            return None

        reason = await watch(look, self._patience)
        _log.error("engine_hung model=%s pid=%d reason=%r", self.model, process.pid, reason)
        process.kill()

    async def _replace(self, folder: Path, *, lived_s: float) -> EngineProcess:
        """A new child; a model that cannot be loaded any more is tried again, ever more rarely.

        One that does not come to an end with loading is given up, and the next may take longer.
        """
        within_s = self._patience.loading_s(self._load_s)
        while True:
            delay_s = self._backoff.delay_s(lived_s=lived_s)
            self._back_at = time.monotonic() + delay_s
            self.on_change()
            await asyncio.sleep(delay_s)
            try:
                return await self._launch(folder, within_s=within_s)
            except _StuckError as error:
                _log.error("engine_load_hung model=%s error=%s", self.model, error)
                within_s *= 2
                lived_s = 0.0
            except ModelLoadError as error:
                _log.error("engine_restart_failed model=%s error=%s", self.model, error)
                lived_s = 0.0

    async def _launch(self, folder: Path, *, within_s: float | None = None) -> EngineProcess:
        started = time.monotonic()
        orders = Orders(
            model=self._config.model_dump(mode="json"),
            socket_path=str(folder / _SOCKET),
            log_level=_log.getEffectiveLevel(),
        )
        process = await spawn_engine(orders, command=self._command)
        try:
            async with asyncio.timeout(within_s):
                await process.ready()
        except TimeoutError as error:
            process.kill()
            await process.ended()
            raise _StuckError(
                f"models: {self.model}: loading has not ended within {within_s:g} s; the last time "
                f"it took {self._load_s:.1f} s.",
                model=self.model,
            ) from error
        except BaseException:
            await process.stop()
            raise
        self._load_s = time.monotonic() - started
        _log.info(
            "engine_started model=%s pid=%d seconds=%.1f", self.model, process.pid, self._load_s
        )
        return process


class _StuckError(ModelLoadError):
    """Loading was given up."""


def _nothing() -> None:
    """Nobody asked to be told."""
