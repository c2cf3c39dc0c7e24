"""A GGUF model in a child process: what kills llama.cpp costs its requests, never the proxy.

llama.cpp aborts its process on some errors, a grammar mismatch for one. So `serve` gives each model
a process of its own, which speaks OpenAI's wire on a unix socket, starts it again when it dies, and
kills it when it hangs.
"""

from __future__ import annotations

import asyncio
import logging
import math
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from proxy.backends.backoff import Backoff
from proxy.backends.base import Reply
from proxy.backends.config import LlamaCppConfig, OpenAIConfig, TimeoutsConfig
from proxy.backends.engine_process import COMMAND, EngineProcess, spawn_engine
from proxy.backends.engine_wire import (
    PRIORITY_HEADER,
    PULSE_PATH,
    STATS_PATH,
    Orders,
    ask,
    decode_pulse,
    decode_stats,
)
from proxy.backends.local_fields import CAPABILITIES
from proxy.backends.openai import OpenAIBackend
from proxy.backends.watchdog import Patience, watch
from proxy.domain import ChatRequest, Transcript
from proxy.engine.stats import EngineStats, Pulse
from proxy.errors import (
    BackendError,
    GuardTuneError,
    ModelLoadError,
    OverloadedError,
    RequestError,
    UpstreamError,
)
from proxy.tasks import cancel, spawn
from proxy.upstream.base import Headers, UpstreamClient
from proxy.upstream.choose import AutoClient

_log = logging.getLogger(__name__)

_SOCKET = "engine.sock"
_MAX_SOCKET_PATH_BYTES = 100
"""Linux allows 107, macOS 103."""

# An engine that decodes a long answer for a whole hour is slow; one that is gone closes its socket.
_TIMEOUTS = TimeoutsConfig(first_byte_s=3600, idle_s=3600)
_STATS_WITHIN_S = 1.0
_FIRST_ERROR_STATUS = 400
_FIRST_SERVER_ERROR = 500
_UNAVAILABLE = 503
_GONE = frozenset({"connect", "closed", "protocol", "timeout"})


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
        self._config = config
        self._client: UpstreamClient = AutoClient() if client is None else client
        self._owns_client = client is None
        # Of its own: a thousand streams may hold all connections of the other.
        self._aside: UpstreamClient = AutoClient()
        self._command = command
        self._backoff = backoff or Backoff()
        self._patience = patience or Patience(step_s=config.step_timeout_s)
        self._folder: Path | None = None
        self._upstream: OpenAIBackend | None = None
        self._process: EngineProcess | None = None
        self._supervision: asyncio.Task[None] | None = None
        self._back_at = 0.0
        self._load_s = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether the child is there; False from its death until the next one has loaded."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the child and wait for its model. Raises ModelLoadError naming path and remedy."""
        self._folder = folder = _private_folder()
        config = OpenAIConfig(
            name=self.model, base_url=f"unix:{folder / _SOCKET}", timeouts=_TIMEOUTS
        )
        self._upstream = OpenAIBackend(config, self._client, extra_headers=_extra_headers)
        try:
            self._process = await self._launch(folder)
        except BaseException:
            await self.close()
            raise
        self._supervision = spawn(
            self._supervise(folder, self._process), name=f"engine-{self.model}"
        )

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
        """Answer one request; leaving closes its connection, on which the engine frees the slot."""
        try:
            async with self._engine().chat(request, transcript) as reply:
                if reply.status >= _FIRST_ERROR_STATUS:
                    raise await self._refusal(reply)
                yield reply
        except BackendError as error:
            if error.error_type not in _GONE:
                raise
            transcript.error_type = "engine"
            raise BackendError(
                f"The engine of {self.model} stopped while it answered. It restarts by itself; "
                "try again.",
                model=self.model, error_type="engine", status=_UNAVAILABLE, retryable=True,
            ) from error  # fmt: skip

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

    def _engine(self) -> OpenAIBackend:
        if self._upstream is None or self._folder is None:
            raise BackendError(
                f"{self.model} is not running.", model=self.model, error_type="engine",
                status=_UNAVAILABLE,
            )  # fmt: skip
        if not self.is_ready:
            wait_s = max(0.0, self._back_at - time.monotonic()) + self._load_s
            raise OverloadedError("restarting", retry_after_s=max(1, math.ceil(wait_s)))
        return self._upstream

    async def _refusal(self, reply: Reply) -> GuardTuneError:
        """The engine's own error, as the in-process backend would have raised it."""
        body = b"".join([chunk async for chunk in reply.chunks])
        error: dict[str, Any] = msgspec.json.decode(body)["error"]
        code, message = error["code"], error["message"]
        retry_after = dict(reply.headers).get(b"retry-after")
        if retry_after is not None:
            return OverloadedError(code, retry_after_s=int(retry_after))
        if reply.status >= _FIRST_SERVER_ERROR:
            return BackendError(
                message, model=self.model, error_type="engine", status=reply.status, retryable=True
            )
        return RequestError(
            message, status=reply.status, error_type=error["type"], param=error["param"], code=code
        )

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
        """A new child; a model that cannot be loaded any more is tried again, ever more rarely."""
        while True:
            delay_s = self._backoff.delay_s(lived_s=lived_s)
            self._back_at = time.monotonic() + delay_s
            await asyncio.sleep(delay_s)
            try:
                return await self._launch(folder)
            except ModelLoadError as error:
                _log.error("engine_restart_failed model=%s error=%s", self.model, error)
                lived_s = 0.0

    async def _launch(self, folder: Path) -> EngineProcess:
        started = time.monotonic()
        orders = Orders(
            model=self._config.model_dump(mode="json"),
            socket_path=str(folder / _SOCKET),
            log_level=_log.getEffectiveLevel(),
        )
        process = await spawn_engine(orders, command=self._command)
        try:
            await process.ready()
        except BaseException:
            await process.stop()
            raise
        self._load_s = time.monotonic() - started
        _log.info(
            "engine_started model=%s pid=%d seconds=%.1f", self.model, process.pid, self._load_s
        )
        return process


def _nothing() -> None:
    """Nobody asked to be told."""


def _extra_headers(request: ChatRequest) -> Headers:
    return (
        (PRIORITY_HEADER, b"%d" % request.priority),
        (b"x-request-id", request.request_id.encode("ascii", "replace")),
    )


def _private_folder() -> Path:
    """A new folder that only this user can enter, short enough for a socket's address."""
    folder = Path(tempfile.mkdtemp(prefix="guardtune-"))
    if len(str(folder / _SOCKET).encode()) <= _MAX_SOCKET_PATH_BYTES:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="guardtune-", dir="/tmp"))
