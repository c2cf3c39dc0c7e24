"""How long to wait before a process that died is started again."""

from __future__ import annotations


class Backoff:
    """Delays that double from one death to the next, up to a bound, and start over after a life.

    Args:
        first_s: before the first restart.
        most_s: never longer than this.
        forgets_after_s: a process that has lived this long has its earlier deaths forgiven.
    """

    def __init__(
        self, *, first_s: float = 0.25, most_s: float = 30.0, forgets_after_s: float = 60.0
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._forgets_after_s = forgets_after_s
        self._next_s = first_s

    def delay_s(self, *, lived_s: float) -> float:
        """Seconds to wait now.

        Args:
            lived_s: how long the process had been ready; 0 if it never was.
        """
        if lived_s >= self._forgets_after_s:
            self._next_s = self._first_s
        delay_s, self._next_s = self._next_s, min(self._next_s * 2, self._most_s)
        return delay_s
