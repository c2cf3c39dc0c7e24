"""The workers of one server: started, replaced when they end, told what is new, drained at last."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from proxy.backends.backoff import Backoff
from proxy.backends.watchdog import Patience, watch
from proxy.engine.stats import Pulse
from proxy.metrics import Metrics
from proxy.metrics.deltas import Aggregator
from proxy.serve.messages import Failed, ToWorker
from proxy.serve.worker_process import WorkerProcess
from proxy.tasks import cancel, spawn
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)

REPORT_WITHIN_S = 1.0
"""How long `/metrics` waits for a worker that is busy; its figures come with the next look."""

PATIENCE = Patience(answer_s=5.0)
"""A worker's event loop answers in milliseconds; a quarter of a minute of silence is no work."""

MOST_STARTS = 5
"""So many starts of one place that came to nothing, one after the other and with nobody else ready,
and the server ends: with the usual delays that is after eight seconds and what loading takes."""

SpawnWorker = Callable[[str], Awaitable[WorkerProcess]]
"""Starts the worker of that name; it has missed nothing that was told before this returns."""


class Workers:
    """Keeps so many workers running; the event loop owns it.

    Args:
        count: how many.
        spawn_worker: starts the one of that name.
        metrics: what is shown; the workers' figures are added to it.
        drain_s: how long a worker may take to end after SIGTERM, before it is killed.
        backoff: makes the delays of one place before its next worker.
        patience: when a worker counts as hung; half a minute by default.

    Attributes:
        on_ready: called once, when all are ready for the first time.
        were_ready: whether all have been ready once.
        on_failure: called with the reason when nobody can be served: a worker says that it cannot
            start, before any could; or starts come to nothing again and again.
    """

    def __init__(
        self,
        count: int,
        spawn_worker: SpawnWorker,
        metrics: Metrics,
        *,
        drain_s: float,
        backoff: Callable[[], Backoff] = Backoff,
        patience: Patience | None = None,
    ) -> None:
        self.on_ready: Callable[[], None] = _nothing
        self.on_failure: Callable[[Failed], None] = _ignored
        self.were_ready = False
        self._count = count
        self._spawn = spawn_worker
        self._metrics = metrics
        self._aggregator = Aggregator(metrics)
        self._drain_s = drain_s
        self._backoff = backoff
        self._patience = patience or PATIENCE
        self._running: dict[int, WorkerProcess] = {}
        self._n_spawned = 0
        self._places: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()
        self._another_ready = asyncio.Event()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of those that run."""
        return tuple(worker.pid for worker in self._running.values())

    def start(self) -> None:
        """Begin to keep them running."""
        self._places = [
            spawn(self._keep(f"worker-{place}"), name=f"worker-{place}")
            for place in range(1, self._count + 1)
        ]

    def tell(self, message: ToWorker) -> None:
        """Send all of them a message."""
        for worker in self._running.values():
            worker.tell(message)

    async def report(self) -> None:
        """Have all report what they have counted."""
        ready = [worker for worker in self._running.values() if worker.is_ready]
        await asyncio.gather(*(worker.report(within_s=REPORT_WITHIN_S) for worker in ready))

    async def prober(self) -> WorkerProcess:
        """Wait for a worker that can be asked for probes; the one that has run longest."""
        while True:
            for worker in self._running.values():
                if worker.is_ready and worker.takes_probes:
                    return worker
            self._another_ready.clear()
            await self._another_ready.wait()

    async def close(self) -> None:
        """Let all drain and end; those that do not are killed."""
        self._closing.set()
        for worker in self._running.values():
            worker.stop()
        if self._places:
            await asyncio.wait(self._places, timeout=self._drain_s)
        self.kill()
        for place in self._places:
            # Not cancelled: each still books what its worker leaves behind.
            await asyncio.wait([place])

    def kill(self) -> None:
        """End all at once."""
        for worker in self._running.values():
            worker.kill()

    async def _keep(self, name: str) -> None:
        """Have one place filled, again and again."""
        backoff = self._backoff()
        n_failed = 0
        while not self._closing.is_set():
            since = time.monotonic()
            was_ready, how = await self._fill(name)
            if self._closing.is_set():
                return
            n_failed = 0 if was_ready else n_failed + 1
            if n_failed >= MOST_STARTS and not self._is_any_ready():
                self._give_up(name, n_failed, how)
            self._metrics.worker_restarts.inc()
            lived_s = time.monotonic() - since if was_ready else 0.0
            delay_s = backoff.delay_s(lived_s=lived_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._closing.wait()

    async def _fill(self, name: str) -> tuple[bool, str]:
        """Start one worker and see it to its end.

        Returns:
            Whether it was ever ready, and how it ended or why it did not begin.
        """
        try:
            worker = await self._spawn(name)
        except Exception as error:  # noqa: BLE001 - the loop's edge: a bug must not cost the place
            _log.exception("%s", logfmt("worker_not_started", worker=name, error=error))
            return False, f"not started: {error}"
        return await self._follow(name, worker)

    def _is_any_ready(self) -> bool:
        return any(worker.is_ready for worker in self._running.values())

    def _give_up(self, name: str, n_failed: int, how: str) -> None:
        """Say that nobody is served and nobody will be: whoever supervises us should know."""
        reason = f"{name} was started {n_failed} times and was never ready ({how}); see the log."
        _log.critical("%s", logfmt("workers_given_up", reason=reason))
        self.on_failure(Failed(reason, is_mistake=False))

    async def _follow(self, name: str, worker: WorkerProcess) -> tuple[bool, str]:
        """See one worker to its end; returns as `_fill` does."""
        self._n_spawned += 1
        number = self._n_spawned
        self._running[number] = worker
        self._aggregator.joined(number)
        if self._closing.is_set():
            worker.stop()
        watching = spawn(self._watch(name, worker), name=f"watchdog-{name}")
        try:
            how = await worker.listen(
                on_delta=lambda delta: self._aggregator.add(number, delta),
                on_ready=partial(self._one_ready, name, worker),
            )
        except Exception:  # noqa: BLE001 - the loop's edge: a bug costs one worker, not its place
            _log.exception("%s", logfmt("worker_unreadable", worker=name, pid=worker.pid))
            how = "killed, because a message of it could not be taken"
        finally:
            await cancel(watching)
            del self._running[number]
            self._aggregator.left(number, worker.tally)
            worker.release()
        reason = worker.failure.message if worker.failure else how
        if not self._closing.is_set():
            _log.error("%s", logfmt("worker_died", worker=name, pid=worker.pid, reason=reason))
            if worker.failure is not None and not self.were_ready:
                self.on_failure(worker.failure)
        return worker.is_ready, reason

    async def _watch(self, name: str, worker: WorkerProcess) -> None:
        """End a worker that hangs; while it loads it is left alone."""

        async def look() -> Pulse | None:
            answers = not worker.is_ready or await worker.report(within_s=self._patience.answer_s)
            return Pulse() if answers else None

        reason = await watch(look, self._patience)
        _log.error("%s", logfmt("worker_hung", worker=name, pid=worker.pid, reason=reason))
        worker.kill()

    def _one_ready(self, name: str, worker: WorkerProcess) -> None:
        _log.info("%s", logfmt("worker_ready", worker=name, pid=worker.pid))
        self._another_ready.set()
        n_ready = sum(worker.is_ready for worker in self._running.values())
        if n_ready == self._count and not self.were_ready:
            self.were_ready = True
            self.on_ready()


def _nothing() -> None:
    """Nobody asked to be told."""


def _ignored(_failure: Failed) -> None:
    """Nobody asked to be told."""
