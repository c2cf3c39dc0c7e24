"""A worker's part in probing: it answers and judges the prompts that its parent asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from proxy.evaluation.run import Judged, evaluate
from proxy.operations.judging import Judges
from proxy.operations.served import ServedModels
from proxy.serve.messages import Ended, Evaluate, Probed, ToParent
from proxy.tasks import cancel, spawn


class ProbeAnswers:
    """Works on the event loop; whatever becomes of an order, its end is told.

    Args:
        models: answer; started by their owner, and closed after this.
        judges: likewise.
    """

    def __init__(self, models: ServedModels, judges: Judges) -> None:
        self._models = models
        self._judges = judges
        self._running: dict[int, asyncio.Task[None]] = {}
        self._is_closed = False

    def begin(self, order: Evaluate, send: Callable[[ToParent], None]) -> None:
        """Begin to answer; each answer is sent as soon as it is judged."""
        if self._is_closed:
            send(Ended(order.number, "handed_back"))
            return
        task = spawn(self._answer(order, send), name=f"probe-answers-{order.number}")
        self._running[order.number] = task
        task.add_done_callback(partial(self._ended, order.number, send))

    def stop(self, number: int) -> None:
        """Answer no more of an order; one that has ended already is fine."""
        if number in self._running:
            self._running[number].cancel()

    async def close(self) -> None:
        """Hand back what is not answered yet; nothing is begun afterwards."""
        self._is_closed = True
        for task in tuple(self._running.values()):
            await cancel(task)

    async def _answer(self, order: Evaluate, send: Callable[[ToParent], None]) -> None:
        places = {id(task): at for at, task in order.tasks.items()}

        def tell(judged: Judged) -> None:
            send(Probed(order.number, places[id(judged.task)], judged.answer, judged.verdict))

        await evaluate(
            self._models.find(order.model),
            self._judges.of(order.model),
            tuple(order.tasks.values()),
            concurrency=order.concurrency,
            priority=order.priority,
            on_judged=tell,
        )

    def _ended(
        self, number: int, send: Callable[[ToParent], None], task: asyncio.Task[None]
    ) -> None:
        del self._running[number]
        if task.cancelled():
            send(Ended(number, "handed_back"))
        else:
            send(Ended(number, "done" if task.exception() is None else "failed"))
