"""The thread that owns llama.cpp: drain, admit, build a batch, decode, deliver, retire."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import NamedTuple

from proxy.engine.base import DecodeError, Runtime
from proxy.engine.batch import Batch
from proxy.engine.gbnf import GrammarError
from proxy.engine.request import Cancelled, Event, Failure, Output, Request
from proxy.engine.scheduler import Limits, Scheduler
from proxy.engine.slots import Slot
from proxy.engine.stats import Counters, EngineStats

_log = logging.getLogger(__name__)


class Submit(NamedTuple):
    """Run a request."""

    request: Request


class Cancel(NamedTuple):
    """End a request, wherever it is; answered by a Cancelled event unless it has just ended."""

    request_id: int


class Stop(NamedTuple):
    """End the loop; whatever still runs fails with `error`."""

    error: Exception


Command = Submit | Cancel | Stop


class Loop:
    """Runs requests until it is told to stop.

    Args:
        runtime: the loaded model; the caller closes it after `run`.
        limits: how much runs together.
        commands: what other threads want.
        publish: takes each step's events, all at once; called on this thread.
    """

    def __init__(
        self,
        runtime: Runtime,
        limits: Limits,
        *,
        commands: SimpleQueue[Command],
        publish: Callable[[list[Event]], None],
    ) -> None:
        self._runtime = runtime
        self._scheduler = Scheduler(runtime, limits)
        self._limits = limits
        self._commands = commands
        self._publish = publish
        self._events: list[Event] = []
        self._counters = Counters()
        self.stats = EngineStats(n_slots=limits.slots, n_cells=limits.n_cells)

    def run(self) -> None:
        """Serve until stopped; everything that runs then has had its last event."""
        while (stop := self._drain()) is None:
            self._step()
            self._flush()
        self._fail_all(stop.error)

    def _fail_all(self, error: Exception) -> None:
        for slot in self._scheduler.paused.values():
            self._free_sampler(slot)
        for request in self._scheduler.queue.clear():
            self._say(request.id, Failure(error))
        self._fail_running(error)
        self._flush()

    def _step(self) -> None:
        started = perf_counter()
        self._admit()
        batch = self._scheduler.build_batch()
        if not batch.n_tokens:
            return
        n_prefill = batch.n_prefill
        self._counters.n_busy_slots += len(self._scheduler.slots)
        try:
            self._decode(batch)
        except DecodeError as error:
            self._recover(error)
            return
        self._deliver(batch)
        self._count(batch, n_prefill, perf_counter() - started)

    def _drain(self) -> Stop | None:
        """Take every command that has come; sleep only when there is nothing to do."""
        with suppress(Empty):
            command = self._commands.get(block=self._scheduler.is_idle)
            while True:
                match command:
                    case Submit(request):
                        self._scheduler.queue.add(request)
                    case Cancel(request_id):
                        self._cancel(request_id)
                    case Stop():
                        return command
                command = self._commands.get_nowait()
        return None

    def _cancel(self, request_id: int) -> None:
        is_waiting = self._scheduler.queue.remove(request_id)
        slot = self._scheduler.find(request_id)
        if slot is not None:
            self._scheduler.retire(slot)
            self._free_sampler(slot)
        if is_waiting or slot is not None:
            self._say(request_id, Cancelled())

    def _admit(self) -> None:
        for slot in self._scheduler.admit():
            if slot.sampler is not None:
                continue  # it was paused: the chain has seen all its tokens and keeps its dice
            request = slot.request
            self._counters.n_prefix_hits += slot.n_cached > 0
            self._counters.n_prefix_tokens += slot.n_cached
            try:
                slot.sampler = self._runtime.new_sampler(request.sampling, request.prompt)
            except GrammarError as error:
                self._scheduler.retire(slot)
                self._say(request.id, Failure(error))

    def _decode(self, batch: Batch) -> None:
        started = perf_counter()
        self._runtime.decode(batch)
        self._counters.decode_s += perf_counter() - started
        self._scheduler.computed(batch)

    def _deliver(self, batch: Batch) -> None:
        """Sample a token for every slot that has logits, and retire those that are done."""
        for slot, row in batch.sampled:
            output = self._next_token(slot, row)
            if output.text or output.finish_reason:
                self._say(slot.request.id, output)
            if output.finish_reason:
                self._scheduler.finish(slot)
                self._free_sampler(slot)

    def _next_token(self, slot: Slot, row: int) -> Output:
        started = perf_counter()
        token = self._runtime.sample(slot.sampler, row)
        self._counters.sample_s += perf_counter() - started
        if token is None:
            return slot.give_up()
        n_top = slot.request.n_top_logprobs
        logprobs = None if n_top is None else self._runtime.logprobs(row, token, n_top)
        vocabulary = self._runtime.vocabulary
        is_end = vocabulary.is_end(token)
        return slot.accept(token, vocabulary.piece(token), is_end=is_end, logprobs=logprobs)

    def _free_sampler(self, slot: Slot) -> None:
        if slot.sampler is not None:
            self._runtime.free_sampler(slot.sampler)
            slot.sampler = None

    def _recover(self, error: DecodeError) -> None:
        """Fail what runs, because nobody knows what the KV cache holds, and go on empty."""
        _log.error("engine_decode_failed error=%s running=%d", error, len(self._scheduler.slots))
        self._runtime.clear()
        self._fail_running(error)

    def _fail_running(self, error: Exception) -> None:
        for slot in self._scheduler.forget_running():
            self._free_sampler(slot)
            self._say(slot.request.id, Failure(error))

    def _say(self, request_id: int, outcome: Output | Failure | Cancelled) -> None:
        self._events.append(Event(request_id, outcome))

    def _flush(self) -> None:
        """Publish the step's events at once: one wake-up of the event loop, not one a token."""
        self.stats = EngineStats(
            n_processing=len(self._scheduler.slots),
            n_deferred=len(self._scheduler.queue),
            n_cells_used=self._scheduler.n_cells_reserved,
            n_cells=self._limits.n_cells,
            n_slots=self._limits.slots,
            n_prefixes=len(self._scheduler.prefixes.shared),
            n_turns=len(self._scheduler.prefixes.turns),
            n_pauses=self._scheduler.n_pauses,
            totals=copy(self._counters),
        )
        if self._events:
            events, self._events = self._events, []
            self._publish(events)

    def _count(self, batch: Batch, n_prefill: int, step_s: float) -> None:
        counters = self._counters
        prompt_share = n_prefill / batch.n_tokens
        counters.n_prompt_tokens += n_prefill
        counters.prompt_s += step_s * prompt_share
        counters.n_predicted_tokens += len(batch.sampled)
        counters.predicted_s += step_s * (1 - prompt_share)
        counters.n_decode += 1
        counters.step_s += step_s
        longest = max((len(slot.lane.tokens) for slot, _ in batch.sampled), default=0)
        counters.n_max_tokens = max(counters.n_max_tokens, longest)
