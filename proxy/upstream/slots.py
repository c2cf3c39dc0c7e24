"""So many at once, first come, first served: a semaphore that can also be taken without waiting.

`asyncio.Semaphore` cannot, and looks through its waiters with every use.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """A number of slots; whoever has taken one gives it back with `free`. The event loop owns them.

    Args:
        count: how many there are.
    """

    __slots__ = ("_n_free", "_waiting")

    def __init__(self, count: int) -> None:
        self._n_free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a slot if one is free; nobody waits as long as one is."""
        if self._n_free == 0:
            return False
        self._n_free -= 1
        return True

    async def wait(self) -> None:
        """Take a slot as soon as it is this caller's turn."""
        if self.take():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the slot was handed over in the same moment
                self.free()
            raise

    def free(self) -> None:
        """Hand a slot to the longest waiting, or keep it for the next to come."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._n_free += 1
