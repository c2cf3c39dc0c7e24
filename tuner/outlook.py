"""When a run will end, by the speed that it has shown: its plan in minutes.

Nothing is decided by this: a run fits its prompts to its time as it goes (:mod:`tuner.plan`), and
the outlook goes through the same steps beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.plan import OVERTIME, STAYING_SHARE, pace, test_rung, validation_rung
from tuner.presets import Preset, Rung


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
