"""What a running search writes to: its decisions, its time, and the line that people watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tuner.checkpoint import Body, Journal
from tuner.progress import Progress
from tuner.watch import Watch


@dataclass(frozen=True, slots=True)
class Ledger:
    """The three together, since whatever depends on time must be written down.

    Args:
        journal: replays and records decisions.
        watch: the run's own time.
        progress: for people.
    """

    journal: Journal
    watch: Watch
    progress: Progress

    def decide(self, kind: str, body: Body) -> None:
        """See :meth:`tuner.checkpoint.Journal.decide`."""
        self.journal.decide(kind, body)

    def observe(self, kind: str, measure: Callable[[float], dict[str, Any]]) -> Body:
        """What depends on time: measured once, written down, and read back on resume.

        Args:
            kind: of the decision.
            measure: from the run's elapsed seconds to JSON values.
        """

        def timed() -> Body:
            elapsed_s = round(self.watch.elapsed_s(), 2)
            return {"elapsed_s": elapsed_s, **measure(elapsed_s)}

        body = self.journal.observe(kind, timed)
        self.watch.set(body["elapsed_s"])
        return body
