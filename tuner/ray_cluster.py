"""Workers of a Ray cluster as evaluators; needs the extra `ray`.

Tasks and results cross as plain data. Each worker has a model and a judge of its own, and proves at
its start that they are the run's. A worker that dies loses what it had in hand, which the others do
again, and is replaced as soon as the cluster has room; so is one that is alive and answers nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from proxy.errors import BackendError
from proxy.evaluation.run import Answer, Judged, Task, unanswered
from tuner.crew import Crew, EvaluatorGoneError, LostTaskError
from tuner.losses import WORKER_DIED, Losses
from tuner.worker import Plain, Worker, answer_of, as_plain, plain_answer, verdict_of

_DEATHS_IN_A_ROW = 3
"""Workers of one place that may die, or be down, without an answer in between."""

_OBJECT_STORE_BYTES = 100_000_000
"""Of a cluster of our own: tasks are small, and each node reserves its store at once."""


@dataclass(frozen=True, slots=True)
class Order:
    """What workers are to be.

    Args:
        model: its configuration, as in ``models:``.
        judge: a name, or the path of a file that all nodes have.
        identity: the model's, and the judge's id; a worker with another one is refused.
        in_flight: answers asked of one worker at once.
        cpus: that one worker takes of a node.
        start_s: how long one may take to load, downloads and conversions included.
    """

    model: Mapping[str, Any]
    judge: str
    identity: tuple[str, str]
    in_flight: int
    cpus: int = 1
    start_s: float = 600.0

    @property
    def name(self) -> str:
        """The model's served name."""
        return str(self.model["name"])


@asynccontextmanager
async def on_cluster(order: Order, *, workers: int, address: str | None) -> AsyncIterator[Crew]:
    """Connect, and stop the workers in whatever way the run ends; the first tasks start them.

    Args:
        order: what each worker is.
        workers: how many; those that the cluster has no room for wait until it has.
        address: of a cluster; None for one of this machine alone, made and ended here.

    Raises:
        BackendError: there is no cluster at that address.
    """
    is_ours = not ray.is_initialized()
    if is_ours:
        _connect(order, workers, address)
    places = tuple(Place(order) for _ in range(workers))
    try:
        yield Crew(order.name, places)
    finally:
        for place in places:
            place.close()
        if is_ours:
            ray.shutdown()


def _connect(order: Order, workers: int, address: str | None) -> None:
    # Ray reports its usage to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = {"num_cpus": workers * order.cpus, "object_store_memory": _OBJECT_STORE_BYTES}
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.WARNING,
            include_dashboard=False,
            **({} if address else own),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise BackendError(
            f"there is no Ray cluster at {address or 'this machine'} ({error}). `ray status` shows "
            "whether it runs.",
            model=order.name,
            error_type="connect",
        ) from error
    finally:
        signal.signal(signal.SIGTERM, on_terminate)  # Ray's own would end the run without order


class Place:
    """Where a worker is, or will be; see :class:`tuner.crew.Evaluator`."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._worker: Any = None
        self._hiring = asyncio.Lock()  # so that one worker is started, however many hands ask
        self._losses = Losses()
        self._deaths = 0
        self._gone: str | None = None

    @property
    def in_flight(self) -> int:
        """Answers asked of the worker at once."""
        return self._order.in_flight

    def begin(self) -> None:
        """A place that could not be filled is tried again."""
        self._gone = None
        self.acquit()

    def acquit(self) -> None:
        """See :meth:`tuner.crew.Evaluator.acquit`."""
        self._losses.forget()
        self._deaths = 0

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            ray.kill(self._worker)
            self._worker = None

    async def ready(self) -> None:
        """Hire a worker where there is none; see :meth:`tuner.crew.Evaluator.ready`."""
        if self._losses.are_many:
            self._bury(self._worker)
        if self._worker is not None:  # without the lock, in which hands would queue for nothing
            return
        async with self._hiring:
            while self._worker is None:
                if self._deaths >= _DEATHS_IN_A_ROW:
                    self._gone = f"{self._deaths} workers failed one after the other"
                if self._gone is not None:  # said by whoever waited; the others need not wait, too
                    raise EvaluatorGoneError(self._gone)
                self._worker = await self._start()

    async def answer(self, task: Task) -> Answer:
        """See :meth:`tuner.crew.Evaluator.answer`.

        Raises:
            BackendError: the worker has a bug.
        """
        answer = answer_of(await self._ask("answer", task, as_plain(task)))
        self._losses.note(task, answer, self._judge_id)
        self._deaths = 0
        return answer

    async def assess(self, task: Task, answer: Answer) -> Judged:
        """See :meth:`tuner.crew.Evaluator.assess`.

        Raises:
            BackendError: the worker has a bug.
        """
        verdict = await self._ask("judge", task, as_plain(task), plain_answer(answer))
        return Judged(task, answer, verdict_of(verdict))

    async def _ask(self, what: str, task: Task, *plain: Plain) -> Plain:
        if (worker := self._worker) is None:
            raise LostTaskError(None)
        try:
            result: Plain = await getattr(worker, what).remote(*plain)
        except RayTaskError as error:
            raise self._error(f"a worker of the Ray cluster broke: {error.cause}") from error
        except RayError as error:
            self._bury(worker)
            raise LostTaskError(self._failed(task)) from error
        return result

    async def _start(self) -> Any:
        """A worker that has proved who it is, or None where it died before or took too long."""
        order = self._order
        worker = ray.remote(Worker).options(num_cpus=order.cpus).remote(order.model, order.judge)
        try:
            # Not `wait_for`, which before Python 3.12 forgets a cancellation beside a result.
            async with asyncio.timeout(order.start_s):
                identity = await worker.start.remote()
            if tuple(identity) != order.identity:
                raise self._error("a worker of the Ray cluster has another model or judge")
        except BaseException as error:
            ray.kill(worker)
            if isinstance(error, RayActorError):
                self._deaths += 1
                return None
            if isinstance(error, TimeoutError):
                self._gone = f"no worker after {order.start_s:.0f} s"
                return None
            if isinstance(error, RayTaskError):
                said = f"a worker of the Ray cluster cannot start: {error.cause}"
                raise self._error(said) from error
            raise
        return worker

    def _bury(self, worker: Any) -> None:
        """Once, though each of its tasks tells of it; one that is only out of reach is ended."""
        if worker is not None and worker is self._worker:
            self.close()
            self._losses.forget()
            self._deaths += 1

    @property
    def _judge_id(self) -> str:
        return self._order.identity[1]

    def _failed(self, task: Task) -> Judged:
        answer = Answer("", error=WORKER_DIED)
        return Judged(task, answer, unanswered(self._judge_id, WORKER_DIED))

    def _error(self, said: str) -> BackendError:
        return BackendError(f"{said}.", model=self._order.name, error_type="engine")
