"""A worker's end of the channel: it reports its figures and follows what its parent tells it."""

from __future__ import annotations

import asyncio
from itertools import count
from types import TracebackType
from typing import Self

from proxy.backends.borrowed import BorrowedEngines
from proxy.metrics import Metrics
from proxy.metrics.deltas import Delta, take_delta
from proxy.policy.followed import FollowedStore
from proxy.serve.channel import Channel
from proxy.serve.messages import Answered, Ask, Engines, Evaluate, Policies, Stop, ToParent
from proxy.serve.probe_answers import ProbeAnswers
from proxy.tasks import cancel, spawn

REPORT_EVERY_S = 0.1
"""A worker that is killed takes along what it has counted since its last report."""

_CLEANS_EVERY = 100
"""Looking through all series takes longer than a report."""


class Link:
    """Works from entering its ``async with`` block to leaving it, which reports the rest.

    Args:
        channel: to the parent; closed on leaving.
        metrics: what is reported.
        policies: told of each snapshot.
        engines: told how the engines are.
        probes: answers what the parent asks for.
    """

    def __init__(
        self,
        channel: Channel,
        metrics: Metrics,
        policies: FollowedStore,
        engines: BorrowedEngines,
        probes: ProbeAnswers,
    ) -> None:
        self._channel = channel
        self._metrics = metrics
        self._policies = policies
        self._engines = engines
        self._probes = probes
        self._last = Delta()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            spawn(self._listen(), name="link-listen"),
            spawn(self._report_regularly(), name="link-report"),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            await cancel(task)
        self._report()
        await self._channel.close()

    def send(self, message: ToParent) -> None:
        """Tell the parent something."""
        self._channel.send(message)

    async def _listen(self) -> None:
        while (message := await self._channel.receive()) is not None:
            match message:
                case Policies(snapshot):
                    self._policies.follow(snapshot)
                case Engines(states):
                    self._engines.update(states)
                case Ask(number):
                    self._report()
                    self.send(Answered(number))
                case Evaluate():
                    self._probes.begin(message, self.send)
                case Stop(number):
                    self._probes.stop(number)

    async def _report_regularly(self) -> None:
        for number in count(1):
            await asyncio.sleep(REPORT_EVERY_S)
            if self._channel.is_clogged:
                # A parent that takes nothing is told all of it later, at once.
                continue
            self._report()
            if number % _CLEANS_EVERY == 0:
                self._metrics.drop_retired()

    def _report(self) -> None:
        delta = take_delta(self._metrics)
        now = (delta.gauges, delta.outliving)
        if delta.counted or now != (self._last.gauges, self._last.outliving):
            self._last = delta
            self.send(delta)
