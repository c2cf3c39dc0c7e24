"""When a run will end, by the speed that it has shown: its plan in minutes.

Nothing is decided by this: a run fits its prompts to its time as it goes (:mod:`tuner.plan`), and
the outlook goes through the same steps beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from proxy.evaluation.store import Written
from tuner.plan import OVERTIME, STAYING_SHARE, pace, test_rung, validation_rung
from tuner.presets import Preset, Rung

_RECENT = 400
"""Answers that tell how fast a model was of late."""

_LEAST_S = 5.0
"""Seconds below which they tell nothing."""

_PAUSE_S = 60.0
"""Longer between two answers is an interruption, not slowness."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run has before it.

    Args:
        preset: how much may be spent.
        races: whether candidates race.
        search: prompts that the split has.
        validation: likewise.
        test: likewise.
    """

    preset: Preset
    races: bool
    search: Rung
    validation: Rung
    test: Rung

    def ends_at_s(self, generation: int, elapsed_s: float, rate: float) -> float:
        """Seconds of the whole run, if nothing ends the search before its time or its generations.

        Args:
            generation: about to begin; 0 is the founders.
            elapsed_s: seconds so far.
            rate: answers a second, above 0.
        """
        at_s = elapsed_s
        for number in range(generation, self.preset.generations + 1):
            if at_s >= self.preset.search_s * OVERTIME:
                break
            at_s += self._answers(number, at_s, rate) / rate
        at_s += self._validated(at_s, rate) / rate
        left_s = self.preset.total_s - at_s
        last = test_rung(self.preset, time_left_s=left_s, rate=rate).within(self.test)
        return at_s + 2 * last.prompts / rate

    def _answers(self, number: int, at_s: float, rate: float) -> float:
        """Of one generation; as many candidates as planned for stay in the race."""
        preset = self.preset
        new = preset.offspring if number else preset.population
        if not self.races:
            return new * preset.second[0].within(self.search).prompts
        affords = pace(
            preset,
            candidates=new,
            generations_left=preset.generations - number + 1,
            time_left_s=preset.search_s - at_s,
            rate=rate,
        )
        first, second = affords.first.within(self.search), affords.second.within(self.search)
        staying = min(affords.staying, STAYING_SHARE * new)
        again = preset.elites * affords.look_again.prompts
        return new * first.prompts + staying * (second.prompts - first.prompts) + again

    def _validated(self, at_s: float, rate: float) -> float:
        preset = self.preset
        left_s = preset.total_s - at_s
        rung = validation_rung(
            preset, test=self.test, finalists=preset.finalists, time_left_s=left_s, rate=rate
        )
        return (preset.finalists + 1) * rung.within(self.validation).prompts


def recent_tokens_per_s(written: Sequence[Written]) -> float | None:
    """How fast a model's last stored answers came; None where they do not say.

    Args:
        written: oldest first.
    """
    last = [one for one in written if one.error is None][-_RECENT:]
    busy = [
        (one.completion_tokens or 0, gap)
        for before, one in pairwise(last)
        if (gap := one.answered_at - before.answered_at) < _PAUSE_S
    ]
    took_s = sum(gap for _, gap in busy)
    if took_s < _LEAST_S:
        return None
    return sum(tokens for tokens, _ in busy) / took_s or None
