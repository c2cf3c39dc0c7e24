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
from proxy.errors import GuardTuneError
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

SpawnWorker = Callable[[str], Awaitable[WorkerProcess]]
"""Starts the worker of that name; it has missed nothing that was told before this returns.

Raises OSError or GuardTuneError where there is no process or no socket to be had.
"""


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
        on_failure: called with the reason of a worker that cannot start, unless one ever could.
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
        while not self._closing.is_set():
            since = time.monotonic()
            try:
                worker = await self._spawn(name)
            except (OSError, GuardTuneError) as error:
                _log.error("%s", logfmt("worker_not_started", worker=name, error=error))
                was_ready = False
            else:
                was_ready = await self._follow(name, worker)
            if self._closing.is_set():
                return
            self._metrics.worker_restarts.inc()
            lived_s = time.monotonic() - since if was_ready else 0.0
            delay_s = backoff.delay_s(lived_s=lived_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._closing.wait()

    async def _follow(self, name: str, worker: WorkerProcess) -> bool:
        """See one worker to its end; return whether it was ever ready."""
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
            worker.kill()
            how = "killed, because a message of it could not be taken"
        finally:
            await cancel(watching)
            del self._running[number]
            self._aggregator.left(number, worker.tally)
            worker.release()
        if not self._closing.is_set():
            self._tell_of_death(name, worker, how)
        return worker.is_ready

    def _tell_of_death(self, name: str, worker: WorkerProcess, how: str) -> None:
        reason = worker.failure.message if worker.failure else how
        _log.error("%s", logfmt("worker_died", worker=name, pid=worker.pid, reason=reason))
        if worker.failure is not None and not self.were_ready:
            self.on_failure(worker.failure)

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
        n_ready = sum(worker.is_ready for worker in self._running.values())
        if n_ready == self._count and not self.were_ready:
            self.were_ready = True
            self.on_ready()


def _nothing() -> None:
    """Nobody asked to be told."""


def _ignored(_failure: Failed) -> None:
    """Nobody asked to be told."""
