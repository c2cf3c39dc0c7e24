"""Who comes next: users before probes, first come first served among equals.

There is one line for all users, whoever they are: the engine knows no keys.
"""

from __future__ import annotations

from collections import deque

from proxy.domain import Priority
from proxy.engine.request import Request


class AdmissionQueue:
    """Requests that wait for a slot.

    It has no bound of its own: the engine counts what it has accepted and refuses the rest before
    it gets here.
    """

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[Priority, deque[Request]] = {
            priority: deque() for priority in sorted(Priority)
        }

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, request: Request) -> None:
        """Put a request at the end of its line."""
        self._lines[request.priority].append(request)

    def put_back(self, request: Request) -> None:
        """Let a request that was paused wait again, where its age places it."""
        line = self._lines[request.priority]
        n_older = sum(waiting.id < request.id for waiting in line)
        line.insert(n_older, request)

    def peek(self) -> Request | None:
        """The next request, which stays in the queue; None when nobody waits.

        Only the first is ever looked at: a small request never overtakes a large one that waits for
        room, so that none waits for ever.
        """
        return next((line[0] for line in self._lines.values() if line), None)

    def pop(self) -> Request:
        """Take the request that `peek` shows."""
        return next(line for line in self._lines.values() if line).popleft()

    def remove(self, request_id: int) -> bool:
        """Forget a cancelled request; False if it does not wait here."""
        for line in self._lines.values():
            for request in line:
                if request.id == request_id:
                    line.remove(request)
                    return True
        return False

    def clear(self) -> list[Request]:
        """Take everything out, in the order it would have been served."""
        waiting = [request for line in self._lines.values() for request in line]
        for line in self._lines.values():
            line.clear()
        return waiting
