"""What a worker took on, in memory that its parent can read even after the worker was killed.

A worker reports its figures now and then, so that what it counted since dies with it. These two
numbers do not: what they hold beyond the reports is known to be missing, and counted as such.
"""

from __future__ import annotations

from mmap import mmap


class Tally:
    """Counts requests and answers; the event loop alone writes.

    Args:
        memory: a page of zeros that outlives the process; None where nobody else looks.
    """

    __slots__ = ("_cells",)

    def __init__(self, memory: mmap | None = None) -> None:
        # A list is the quicker one.
        self._cells = [0, 0] if memory is None else memoryview(memory).cast("Q")

    @property
    def requests(self) -> int:
        """Requests that ended: each is about to be in `guardtune_requests_total`."""
        return self._cells[0]

    @property
    def answers(self) -> int:
        """Answers that will be in `guardtune_judged_total` or in `guardtune_unjudged_total`."""
        return self._cells[1]

    def request_ended(self) -> None:
        """Count one request."""
        self._cells[0] += 1

    def answers_taken(self, count: int) -> None:
        """Count so many answers."""
        self._cells[1] += count

    def release(self) -> None:
        """Let go of the memory; counting ends."""
        if isinstance(self._cells, memoryview):
            self._cells.release()
