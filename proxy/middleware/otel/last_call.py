"""What is left is sent when the process ends, but a receiver that is not there keeps nobody."""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterable
from threading import Event, Thread
from typing import Protocol


class Part(Protocol):
    """Something of the SDK that sends what it has when it is shut down, however long that takes."""

    def shutdown(self) -> None:
        """Send it, and end."""


class LastCall:
    """Shuts parts down side by side, and waits for them no longer than it may.

    Their threads are there from the start: at the end of a process none can begin any more.

    Args:
        parts: to shut down once.
        within_s: how long to wait for all of them, in seconds.
    """

    def __init__(self, parts: Iterable[Part], *, within_s: float) -> None:
        self._within_s = within_s
        self._is_time = Event()
        self._threads = [
            Thread(target=self._end, args=(part,), name="otel-last-call", daemon=True)
            for part in parts
        ]
        for thread in self._threads:
            thread.start()

    def at_exit(self) -> None:
        """Have it happen when the process ends."""
        atexit.register(self.now)

    def now(self) -> None:
        """Have it happen now; what is not done in time ends with the process."""
        deadline = time.monotonic() + self._within_s
        self._is_time.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _end(self, part: Part) -> None:
        self._is_time.wait()
        part.shutdown()
