"""How many prompts and candidates a running search affords, by its time and its tokens."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.presets import Preset, Rung

STAYING_SHARE = 0.6
"""Share of candidates that stay in the race after the first rung, as planned for."""

LEAST_STAYING = 1
"""Candidates of a generation that stay, however short the time, if they are in the race."""

FIRST_SHARE = 0.6
"""Share of a generation's time for the first rung."""

OVERTIME = 1.1
"""A search that has taken this much of its time begins no further generation."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the time left affords one generation.

    Args:
        first: prompts that every new candidate answers.
        second: prompts of those that stay in the race.
        staying: the most candidates that may stay; the best of them, where time is short.
    """

    first: Rung
    second: Rung
    staying: int

    @property
    def look_again(self) -> Rung:
        """Further prompts for the best; of each kind, as over-refusal needs as much certainty."""
        step = self.first.prompts // 2
        return Rung(step, step)


def pace(
    preset: Preset, *, candidates: int, generations_left: int, time_left_s: float, rate: float
) -> Pace:
    """How many prompts one generation may answer, for the search to end in time with all of them.

    Where time is short the first rung shrinks, then the second, then fewer candidates go on to it:
    that costs certainty, which validation gives back, and keeps the number of candidates.

    Args:
        preset: has the least and the most.
        candidates: new ones of this generation.
        generations_left: this one included, at least 1.
        time_left_s: seconds of search; may be negative.
        rate: answers a second, measured.
    """
    affordable = max(0.0, time_left_s) / generations_left * rate
    first = between(*preset.first, FIRST_SHARE * affordable / candidates)
    affordable -= first.prompts * (candidates + preset.elites)
    second = between(*preset.second, first.prompts + affordable / (candidates * STAYING_SHARE))
    staying = int(affordable / (second.prompts - first.prompts))
    return Pace(first, second, min(candidates, max(LEAST_STAYING, staying)))


def bearable(answers: float, first: Rung, second: Rung, *, races: bool) -> int:
    """How many new candidates so many answers allow to race as planned for, at least 1.

    Args:
        answers: that may still be asked for, not infinite.
        first: prompts that every new candidate answers.
        second: prompts of those that stay in the race.
        races: whether there is one.
    """
    further = STAYING_SHARE * (second.prompts - first.prompts) if races else 0
    return max(1, int(answers / (first.prompts + further)))


def qualifying_rung(
    preset: Preset,
    *,
    validation: Rung,
    test: Rung,
    qualifiers: int,
    time_left_s: float,
    rate: float,
) -> Rung:
    """How many prompts each qualifier may have answered, for validation and test to come in time.

    Args:
        preset: has the least and the most.
        validation: prompts that the validation split has; the preset's least are set aside for.
        test: likewise of the test split, and the preset's most.
        qualifiers: candidates beside the baseline.
        time_left_s: seconds of the whole run.
        rate: answers a second, measured.
    """
    later = (preset.finalists + 1) * preset.validation[0].within(validation).prompts
    later += 2 * preset.test[1].within(test).prompts
    return between(*preset.qualifying, (time_left_s * rate - later) / (qualifiers + 1))


def validation_rung(
    preset: Preset, *, test: Rung, finalists: int, time_left_s: float, rate: float
) -> Rung:
    """How many prompts each finalist may answer, for the run to end in time; the test comes first.

    Args:
        preset: has the least and the most.
        test: prompts that the test split has; as many as the preset's most are set aside for.
        finalists: candidates beside the baseline.
        time_left_s: seconds of the whole run.
        rate: answers a second, measured.
    """
    least, most = preset.validation
    affordable = time_left_s * rate - 2 * preset.test[1].within(test).prompts
    return between(least, most, affordable / (finalists + 1))


def test_rung(preset: Preset, *, time_left_s: float, rate: float) -> Rung:
    """How many prompts the baseline and the chosen one may answer, for the run to end in time.

    Args:
        preset: has the least and the most.
        time_left_s: seconds of the whole run.
        rate: answers a second, measured.
    """
    return between(*preset.test, time_left_s * rate / 2)


def between(least: Rung, most: Rung, prompts: float) -> Rung:
    """The rung with about this many prompts, on the line from the least to the most."""
    span = most.prompts - least.prompts
    share = 0.0 if not span else min(1.0, max(0.0, (prompts - least.prompts) / span))
    return Rung(
        least.harmful + int(share * (most.harmful - least.harmful)),
        least.benign + int(share * (most.benign - least.benign)),
    )
