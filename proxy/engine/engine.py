"""The engine as the event loop sees it: submit a prompt, take the answer as it comes, cancel it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from proxy.domain import Priority
from proxy.engine.base import Runtime
from proxy.engine.logprobs import TokenLogprobs
from proxy.engine.loop import Cancel, Command, Loop, Stop, Submit
from proxy.engine.request import Cancelled, Counts, Event, Failure, FinishReason, Output, Request
from proxy.engine.sampling import Sampling
from proxy.engine.scheduler import Limits
from proxy.engine.stats import EngineStats, Pulse
from proxy.errors import BackendError, ContextLengthError, OverloadedError, RequestError

_log = logging.getLogger(__name__)

JOIN_TIMEOUT_S = 30.0
"""A step never takes this long; past it the thread is left to die with the process."""


class Piece(NamedTuple):
    """A piece of one of the answers; the last one of each carries the reason and the counts."""

    choice: int
    text: str
    finish_reason: FinishReason | None = None
    counts: Counts | None = None
    logprobs: tuple[TokenLogprobs, ...] = ()


class Generation:
    """The answers to one prompt, as they come.

    Iterate to get lists of pieces, never empty, until all answers have ended. Pieces that come
    while nobody looks are joined in the next list. Iterating raises what made the engine give up.
    """

    def __init__(self, request_ids: Sequence[int]) -> None:
        self.open = dict(zip(request_ids, range(len(request_ids)), strict=True))
        self._pieces: list[Piece] = []
        self._error: Exception | None = None
        self._changed = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[list[Piece]]:
        return self._lists()

    async def _lists(self) -> AsyncIterator[list[Piece]]:
        while self.open or self._pieces or self._error:
            if self._pieces:
                pieces, self._pieces = self._pieces, []
                yield pieces
            elif self._error is not None:
                raise self._error
            else:
                self._changed.clear()
                await self._changed.wait()

    def take(self, event: Event) -> None:
        """Note an event; the engine calls this on the event loop."""
        choice = self.open[event.request_id]
        match event.outcome:
            case Output(text, finish_reason, counts, logprobs):
                self._pieces.append(Piece(choice, text, finish_reason, counts, logprobs))
                is_over = finish_reason is not None
            case Failure(error):
                self._error = error
                is_over = True
            case Cancelled():
                is_over = True
        if is_over:
            del self.open[event.request_id]
        self._changed.set()

    async def ended(self) -> None:
        """Wait until the engine has let go of every answer."""
        while self.open:
            self._changed.clear()
            await self._changed.wait()


class Engine:
    """One model, served by one thread.

    Args:
        name: the served model's name, for errors and for the thread.
        open_runtime: loads the model; called on the engine's thread, which then owns it.
        limits: how much runs together.
        max_queued: requests that may wait beyond those that run.
    """

    def __init__(
        self, name: str, open_runtime: Callable[[], Runtime], *, limits: Limits, max_queued: int
    ) -> None:
        self.name = name
        self._open_runtime = open_runtime
        self._limits = limits
        self._max_open = limits.slots + max_queued
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._generations: dict[int, Generation] = {}
        self._ids = count()
        self._thread: Thread | None = None
        self._loop: Loop | None = None
        self._runtime: Runtime | None = None
        self._refusal: Exception | None = BackendError(
            f"The engine of {name} has not started.", model=name, error_type="engine", status=503
        )

    @property
    def runtime(self) -> Runtime:
        """The loaded model, for its vocabulary and sizes. Raises BackendError when not running."""
        if self._runtime is None:
            raise self._refusal or AssertionError
        return self._runtime

    @property
    def stats(self) -> EngineStats:
        """What it is doing and has done, as of the last step."""
        return EngineStats() if self._loop is None else self._loop.stats

    @property
    def pulse(self) -> Pulse:
        """Who waits, and whether steps are made for them; never blocks."""
        return Pulse(len(self._generations), self.stats.totals.n_decode)

    async def start(self) -> None:
        """Load the model. Raises what `open_runtime` raises."""
        event_loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = event_loop.create_future()
        self._thread = Thread(
            target=self._serve, args=(event_loop, ready), name=f"engine-{self.name}", daemon=True
        )
        self._thread.start()
        try:
            await asyncio.shield(ready)
        except asyncio.CancelledError:
            await self.close()
            raise
        self._refusal = None

    async def close(self, *, drain_s: float = 0.0) -> None:
        """Refuse new requests, let running ones finish for a while, end the rest, free the model.

        Args:
            drain_s: how long running requests may take; those left get OverloadedError.
        """
        if self._refusal is None:
            self._refusal = OverloadedError("draining")
        if self._thread is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                for generation in list(self._generations.values()):
                    await generation.ended()
        self._commands.put(Stop(OverloadedError("draining")))
        await asyncio.to_thread(self._thread.join, JOIN_TIMEOUT_S)
        self._runtime = None

    def submit(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        samplings: Sequence[Sampling],
        stop: tuple[str, ...] = (),
        n_shared: int = 0,
        priority: Priority = Priority.USER,
        n_top_logprobs: int | None = None,
    ) -> Generation:
        """Ask for one answer per sampling, all to the same prompt.

        Whoever submits calls `cancel` in the end, in whatever way that comes.

        Args:
            prompt: token ids.
            max_tokens: at least 1; cut to what the context leaves.
            samplings: one for each answer.
            stop: strings that end an answer.
            n_shared: tokens at the prompt's start that other requests are likely to share.
            priority: users before probes.
            n_top_logprobs: alternatives to report with each token; None for no figures at all.

        Raises:
            ContextLengthError: the prompt leaves no room for an answer.
            RequestError: more answers than may ever run and wait together.
            OverloadedError: too many wait already, or the engine is closing.
            BackendError: the engine has failed.
        """
        n_ctx_tokens = self.runtime.n_ctx_tokens
        if self._refusal is not None:
            raise self._refusal
        if len(prompt) >= n_ctx_tokens:
            raise ContextLengthError(n_prompt_tokens=len(prompt), n_ctx_tokens=n_ctx_tokens)
        if len(samplings) > self._max_open:
            raise RequestError(f"n: this model gives at most {self._max_open} answers.", param="n")
        if len(self._generations) + len(samplings) > self._max_open:
            raise OverloadedError("queue_full")
        generation = Generation([next(self._ids) for _ in samplings])
        for request_id, sampling in zip(generation.open, samplings, strict=True):
            self._generations[request_id] = generation
            request = Request(
                id=request_id,
                prompt=tuple(prompt),
                max_tokens=min(max_tokens, n_ctx_tokens - len(prompt)),
                sampling=sampling,
                stop=stop,
                n_shared=min(n_shared if len(samplings) == 1 else len(prompt), len(prompt) - 1),
                priority=priority,
                n_top_logprobs=n_top_logprobs,
            )
            self._commands.put(Submit(request))
        return generation

    async def cancel(self, generation: Generation) -> None:
        """End what still runs; returns once its slots are free, which takes one step at most."""
        for request_id in generation.open:
            self._commands.put(Cancel(request_id))
        await generation.ended()

    def _take_events(self, events: list[Event]) -> None:
        for event in events:
            generation = self._generations.get(event.request_id)
            if generation is None:
                continue
            generation.take(event)
            if event.request_id not in generation.open:
                del self._generations[event.request_id]

    def _serve(self, event_loop: asyncio.AbstractEventLoop, ready: asyncio.Future[None]) -> None:
        """The engine's thread, from loading to freeing."""
        try:
            self._runtime = runtime = self._open_runtime()
        except BaseException as error:  # noqa: BLE001 — handed to whoever awaits `start`
            _call(event_loop, _fail, ready, error)
            return
        self._loop = Loop(
            runtime,
            self._limits,
            commands=self._commands,
            publish=lambda events: _call(event_loop, self._take_events, events),
        )
        _call(event_loop, _succeed, ready)
        try:
            self._loop.run()
        except Exception as error:  # noqa: BLE001 — the loop edge: logged, and everybody is told
            _log.exception("engine_crashed model=%s", self.name)
            _call(event_loop, self._give_up, error)
        finally:
            runtime.close()

    def _give_up(self, cause: Exception) -> None:
        """The thread has died: fail everybody who waits, and everybody who comes."""
        error = BackendError(
            f"The engine of {self.name} has stopped after an error: {type(cause).__name__}.",
            model=self.name,
            error_type="engine",
            status=503,
        )
        self._refusal, self._runtime = error, None
        self._take_events([Event(id_, Failure(error)) for id_ in list(self._generations)])


def _call(
    event_loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: object
) -> None:
    """Run a function on the event loop; without one, nobody is left to be told."""
    with contextlib.suppress(RuntimeError):
        event_loop.call_soon_threadsafe(function, *args)


def _succeed(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _fail(ready: asyncio.Future[None], error: BaseException) -> None:
    if not ready.done():
        ready.set_exception(error)
