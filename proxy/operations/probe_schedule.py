"""When the next round of probes begins."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from proxy.operations.probes import Probes
from proxy.tasks import cancel, spawn


class ProbeSchedule:
    """Begins a round of probes an interval after the last one ended, so that rounds never pile up.

    Args:
        probes: what is asked for the next round.
        interval_s: seconds between rounds; None for no schedule.
        jitter: the share by which a pause may be shorter or longer, so that servers which started
            together do not probe together.
        sleep: waits for that many seconds.
        uniform: gives a number in [0, 1).
    """

    def __init__(
        self,
        probes: Probes,
        *,
        interval_s: float | None,
        jitter: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._probes = probes
        self._interval_s = interval_s
        self._jitter = jitter
        self._sleep = sleep
        self._uniform = uniform
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to wait for the first round's end."""
        if self._interval_s is not None:
            self._task = spawn(self._run(self._interval_s), name="probe-schedule")

    async def close(self) -> None:
        """Begin no further round; safe to call twice."""
        await cancel(self._task)

    async def _run(self, interval_s: float) -> None:
        while True:
            await self._probes.idle.wait()
            await self._sleep(interval_s * (1 + self._jitter * (2 * self._uniform() - 1)))
            self._probes.next_round()
