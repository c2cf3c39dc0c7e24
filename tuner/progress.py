"""What people are told of a running search."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from proxy.evaluation.run import Judged
from proxy.evaluation.statistics import Rate
from proxy.evaluation.status_line import StatusLine

_WINDOW_S = 60.0
"""Tokens a second are averaged over this much of the recent past."""

_SILENCE = 32
"""Answers that a judge may leave unscored one after the other before people are told."""


class Progress:
    """Shows generation, candidates, best harmful rate with n, tokens a second and time left.

    Args:
        stream: usually stderr.
        generations: of the search, the initial one not counted.
        total_s: seconds that the whole run aims at, until more is known.
        elapsed_s: seconds of the run so far.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        generations: int,
        total_s: float,
        elapsed_s: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = StatusLine(stream, self.line, clock=clock)
        self.say, self.close = self._line.say, self._line.close
        self._generations = generations
        self._total_s = total_s
        self._elapsed_s = elapsed_s
        self._clock = clock
        self._started_at = clock()
        self._phase = "starting"
        self._best: Rate | None = None
        self._answers = 0
        self._unscored = 0
        self._recent: deque[tuple[float, int]] = deque()

    def phase(self, name: str) -> None:
        """Say what is being done now."""
        self._phase = name
        self._line.show(force=True)

    def generation(self, number: int, candidates: int) -> None:
        """A generation begins that brings the count of candidates to this."""
        self._phase = f"generation {number}/{self._generations}, {candidates} candidates"
        self._line.show(force=True)

    def expects(self, total_s: float) -> None:
        """The whole run will take so many seconds, by the speed it has shown."""
        self._total_s = total_s

    def best(self, rate: Rate | None) -> None:
        """The best feasible candidate so far on the search split."""
        self._best = rate
        self._line.show(force=True)

    def answered(self, judged: Judged) -> None:
        """An answer came from the model."""
        usage = judged.answer.usage
        now = self._clock()
        self._answers += 1
        self._recent.append((now, 0 if usage is None else usage.completion_tokens))
        while self._recent[0][0] < now - _WINDOW_S:
            self._recent.popleft()
        self._note_silence(judged)
        self._line.show()

    def _note_silence(self, judged: Judged) -> None:
        """Say once that the judge may be down: a search of unscored answers finds nothing."""
        if judged.answer.error is not None:
            return
        self._unscored = self._unscored + 1 if judged.verdict.status == "unscored" else 0
        if self._unscored == _SILENCE:
            self.say(
                f"The judge left {_SILENCE} answers in a row unscored ({judged.verdict.reason}). "
                "It is asked about them once more before anything is decided by them; if it is "
                "down, the run stops then, and `guardtune tune resume` goes on."
            )

    def line(self) -> str:
        """The line as it would be shown now."""
        parts = [self._phase]
        if self._best is not None:
            best = f"{self._best.k}/{self._best.n}"
            parts.append(f"best harmful {best} (search split, for ranking only)")
        parts.append(f"{self._answers} answers")
        if (speed := self._tokens_per_s()) is not None:
            parts.append(f"{speed:.0f} tokens/s")
        left_s = max(0.0, self._total_s - self._elapsed_s())
        parts.append(f"about {int(left_s // 60)}:{int(left_s % 60):02d} left")
        return " | ".join(parts)

    def _tokens_per_s(self) -> float | None:
        """Over the window, or since the start; answers come in bursts, so not between them."""
        span_s = min(_WINDOW_S, self._clock() - self._started_at)
        if not self._recent or span_s < 1:
            return None
        return sum(tokens for _, tokens in self._recent) / span_s
