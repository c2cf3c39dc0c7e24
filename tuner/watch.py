"""A run's own time, across interruptions."""

from __future__ import annotations

import time
from collections.abc import Callable


class Watch:
    """Seconds of work since the run started, time between sessions left out.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._base_s = 0.0
        self._mark = clock()

    def elapsed_s(self) -> float:
        """Seconds so far."""
        return self._base_s + self._clock() - self._mark

    def set(self, elapsed_s: float) -> None:
        """Take over a time that was written down: on resume, the earlier session's."""
        self._base_s = elapsed_s
        self._mark = self._clock()
