"""Admission: so many requests in flight, so many waiting behind them, and none for too long."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

from proxy.errors import OverloadedError


class Admission:
    """Lets requests in, first come, first served; ``async with admission: …`` holds one slot.

    Full queue or waited too long: OverloadedError, which clients see as 503 with ``Retry-After``.
    The event loop owns it.

    Args:
        max_in_flight: slots.
        max_queued: how many may wait for one; 0 turns away at once.
        timeout_s: how long one may wait.
    """

    def __init__(self, *, max_in_flight: int, max_queued: int, timeout_s: float) -> None:
        self._max_in_flight = max_in_flight
        self._max_queued = max_queued
        self._timeout_s = timeout_s
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_draining = False
        self.in_flight = 0

    @property
    def queued(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def drain(self) -> None:
        """Let nobody in any more; those in flight finish, those waiting are turned away."""
        self._is_draining = True
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(self._overloaded("draining"))

    async def __aenter__(self) -> None:
        if self._is_draining:
            raise self._overloaded("draining")
        if self.in_flight < self._max_in_flight:
            self.in_flight += 1
            return
        if len(self._waiting) >= self._max_queued:
            raise self._overloaded("queue_full")
        await self._wait()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._timeout_s):
                await waiter
        except TimeoutError:
            self._abandon(waiter)
            raise self._overloaded("queue_timeout") from None
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise

    def _abandon(self, waiter: asyncio.Future[None]) -> None:
        """Leave the queue; a slot handed over in the same moment goes on to the next."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self._release()

    def _release(self) -> None:
        """Hand the slot to the longest waiting, or free it; a slot is never both."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.in_flight -= 1

    def _overloaded(self, reason: str) -> OverloadedError:
        # The longer the queue, the later a retry makes sense: a second a round of slots.
        return OverloadedError(reason, retry_after_s=1 + self.queued // self._max_in_flight)
