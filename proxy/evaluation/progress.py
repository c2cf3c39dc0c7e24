"""What people are told of a running evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from proxy.evaluation.bench import Event
from proxy.evaluation.plan import Pace, Plan
from proxy.evaluation.run import Answer
from proxy.evaluation.status_line import StatusLine

_BAR = 20
_ENOUGH = 64
"""Answers after which a forecast is worth something: the first to come are the short ones."""


class Progress:
    """Shows a bar, answers, tokens a second, unscored answers and the time left.

    Args:
        stream: usually stderr.
        plan: what remains to be done.
        clock: monotonic seconds.
    """

    def __init__(
        self, stream: TextIO, plan: Plan, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._line = StatusLine(stream, self.line, clock=clock)
        self.say, self.close = self._line.say, self._line.close
        self._plan = plan
        self._clock = clock
        self._started_at = clock()
        self._pace = Pace()
        self._done = self._failed = self._judged = self._unscored = 0
        self._midway = (self._started_at, 0)
        self._has_forecast = False

    def notify(self, event: Event, answer: Answer) -> None:
        """Something happened to an answer."""
        match event:
            case "answered":
                self._done += 1
                self._pace.add(0 if answer.usage is None else answer.usage.completion_tokens)
                self._forecast_once()
            case "failed":
                self._done += 1
                self._failed += 1
            case "judged":
                self._judged += 1
            case "unscored":
                self._unscored += 1
        self._line.show()

    def line(self) -> str:
        """The line as it would be shown now."""
        total = self._plan.to_generate
        filled = _BAR * self._done // total if total else _BAR
        parts = [f"[{'#' * filled}{'.' * (_BAR - filled)}] {self._done}/{total} answers"]
        parts.append(f"{self._judged + self._unscored} judged")
        if self._unscored:
            parts.append(f"{self._unscored} unscored")
        if self._failed:
            parts.append(f"{self._failed} failed")
        if elapsed_s := self._elapsed_s():
            parts.append(f"{self._pace.tokens / elapsed_s:.0f} tokens/s")
            left_s = round(elapsed_s * (total - self._done) / self._done)
            parts.append(f"about {left_s // 60}:{left_s % 60:02d} left")
        return " | ".join(parts)

    def _elapsed_s(self) -> float:
        """Seconds so far; 0 until something can be said of the speed."""
        elapsed_s = self._clock() - self._started_at
        return elapsed_s if self._done and elapsed_s >= 1 else 0.0

    def _forecast_once(self) -> None:
        more = self._plan.to_generate - self._done
        if self._pace.answers == _ENOUGH // 2:
            self._midway = (self._clock(), self._pace.tokens)
        if self._has_forecast or self._pace.answers < _ENOUGH or not more:
            return
        if (speeds := self._speeds()) is None:
            return
        self._has_forecast = True
        slow, fast = speeds
        low, high = self._pace.expected_tokens(more)
        self.say(
            f"At {slow:.0f} to {fast:.0f} tokens/s the other {more} answers will take about "
            f"{low / fast / 60:.1f} to {high / slow / 60:.1f} min "
            f"({low:,.0f} to {high:,.0f} tokens)."
        )

    def _speeds(self) -> tuple[float, float] | None:
        """Tokens a second since the start, which was cold, and lately; the slower first."""
        elapsed_s, (since, before) = self._elapsed_s(), self._midway
        lately_s = self._clock() - since
        if not elapsed_s or not lately_s or self._pace.tokens == before:
            return None
        both = (self._pace.tokens / elapsed_s, (self._pace.tokens - before) / lately_s)
        return min(both), max(both)
