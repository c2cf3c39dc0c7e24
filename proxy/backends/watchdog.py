"""Whether an engine's process hangs: alive, and yet it answers nobody.

A process can be stopped, deadlocked, or caught in a loop within llama.cpp. Two signs tell that from
work. Its event loop answers however busy the engine's thread is, since llama.cpp runs without
Python's lock; and the thread's steps are small, a few hundred tokens at most, so that even a long
prompt is many of them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proxy.engine.stats import Pulse

_TIMES_THE_LAST = 20


@dataclass(frozen=True, slots=True)
class Patience:
    """When a process counts as hung.

    Args:
        interval_s: between two looks at it.
        answer_s: how long an answer to one look may take.
        max_unanswered: looks without an answer, one after the other.
        step_s: how long the engine may take for one step while somebody waits for it.
        load_s: how long it may take to load, at a restart; `loading_s` makes it more.
    """

    interval_s: float = 5.0
    answer_s: float = 10.0
    max_unanswered: int = 3
    step_s: float = 600.0
    load_s: float = 600.0

    def loading_s(self, last_s: float) -> float:
        """How long a restart may take.

        Args:
            last_s: how long loading took the last time; the file may be out of the cache now.
        """
        return max(self.load_s, _TIMES_THE_LAST * last_s)


class Watchdog:
    """Loses patience with one process.

    It counts looks and reads no clock: a machine that was asleep has not let anybody wait.

    Args:
        patience: how much of it there is.
    """

    def __init__(self, patience: Patience) -> None:
        self._max_unanswered = patience.max_unanswered
        self._max_stuck = math.ceil(patience.step_s / patience.interval_s)
        self._step_s = patience.step_s
        self._n_unanswered = 0
        self._n_stuck = 0
        self._last = Pulse()

    def note(self, pulse: Pulse | None) -> str | None:
        """Take what one look has shown.

        Args:
            pulse: None where there was no answer.

        Returns:
            Why the process counts as hung; None while it does not.
        """
        if pulse is None:
            self._n_unanswered += 1
            is_deaf = self._n_unanswered >= self._max_unanswered
            return f"no answer to {self._n_unanswered} calls" if is_deaf else None
        is_waited_for = pulse.n_open > 0 and self._last.n_open > 0
        is_stuck = is_waited_for and pulse.n_steps == self._last.n_steps
        self._n_stuck = self._n_stuck + 1 if is_stuck else 0
        self._n_unanswered, self._last = 0, pulse
        return f"one step for {self._step_s:g} s" if self._n_stuck >= self._max_stuck else None


async def watch(look: Callable[[], Awaitable[Pulse | None]], patience: Patience) -> str:
    """Look at a process now and then, until it counts as hung.

    Args:
        look: asks it; bounded by the caller.
        patience: how long that takes.

    Returns:
        Why.
    """
    watchdog = Watchdog(patience)
    while True:
        await asyncio.sleep(patience.interval_s)
        if (reason := watchdog.note(await look())) is not None:
            return reason
