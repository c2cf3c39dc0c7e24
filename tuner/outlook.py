"""What a run will take in candidates, answers, tokens and time, by the speed that is known.

Nothing is decided by this: a run fits its prompts to its time and its tokens as it goes
(:mod:`tuner.plan`), and the outlook goes through the same steps beforehand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from tuner.plan import (
    OVERTIME,
    STAYING_SHARE,
    Pace,
    bearable,
    pace,
    qualifying_rung,
    test_rung,
    validation_rung,
)
from tuner.presets import Preset, Rung
from tuner.speed import Speed

_SPREAD = (2 / 3, 0.8, 1.0, 1.25, 1.5)
"""A run may be so many times as fast as the store has it: other policies, other work beside it. The
steps between are there because a faster run is not always a shorter one."""

_FINALS_SPEED = 1.4
"""Validation and test come so many times as fast as the search, which reads a new prompt for every
few answers: 1.2 in two runs of `standard`, 1.7 in five of `quick`, 1 where that costs nothing."""

_FINALS_SPREAD = (1.0, 1.7)

_LENGTH_SPREAD = (0.85, 1.15)
"""Likewise the length of its answers, in multiples of the store's."""

_AT_ONCE = 1e9
"""Answers a second at which time limits nothing."""


class Spent(NamedTuple):
    """What a run has taken by some time.

    Args:
        seconds: of the whole run.
        candidates: distinct ones, the base policy included.
        answers: of all stages so far.
        tokens: that count towards a limit on them.
    """

    seconds: float = 0.0
    candidates: int = 0
    answers: float = 0.0
    tokens: float = 0.0

    def plus(self, answers: float, speed: Speed, *, candidates: int = 0) -> Spent:
        """After so many answers more, of so many candidates more."""
        return Spent(
            self.seconds + answers / speed.answers_per_s,
            self.candidates + candidates,
            self.answers + answers,
            self.tokens + answers * speed.tokens_per_answer,
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run has before it.

    Args:
        preset: how much may be spent.
        races: whether candidates race.
        tokens: the most that the search may generate; None for no limit.
        search: prompts that the split has.
        validation: likewise.
        test: likewise.
        staying: share of candidates that stay in the race, where time allows.
        finals_speed: of validation and test, in multiples of the search's.
    """

    preset: Preset
    races: bool
    tokens: int | None
    search: Rung
    validation: Rung
    test: Rung
    staying: float = STAYING_SHARE
    finals_speed: float = _FINALS_SPEED

    def at_most(self) -> Spent:
        """More than this no run takes, but in time, which has no limit and is not told here."""
        everyone = replace(self, tokens=None, staying=1.0).at_end(0, Spent(), self._unhurried)
        if self.tokens is None:
            return everyone
        tokens = min(everyone.tokens, self.tokens + self.finals_at_most)
        return everyone._replace(tokens=tokens)

    @property
    def finals_at_most(self) -> int:
        """Tokens of the longer look, validation and test; no limit on the search's counts them."""
        preset = self.preset
        answers = self._qualifying(preset.qualifiers, preset.qualifying[1])
        answers += (preset.finalists + 1) * preset.validation[1].within(self.validation).prompts
        answers += 2 * preset.test[1].within(self.test).prompts
        return answers * self.preset.max_tokens

    @property
    def candidates_of_long_answers(self) -> int:
        """For so many the tokens last where every answer is as long as may be, and time is none."""
        return self.at_end(0, Spent(), self._unhurried).candidates

    def _length(self, speed: Speed, factor: float) -> float:
        return min(speed.tokens_per_answer * factor, self.preset.max_tokens)

    @property
    def _unhurried(self) -> Speed:
        return Speed(_AT_ONCE, self.preset.max_tokens)

    def expected(self, speed: Speed) -> tuple[Spent, Spent]:
        """The least and the most of everything that a run is likely to take, before it starts."""
        ends = [
            replace(self, finals_speed=faster).at_end(
                0, Spent(), Speed(speed.answers_per_s * factor, self._length(speed, longer))
            )
            for factor, longer, faster in product(_SPREAD, _LENGTH_SPREAD, _FINALS_SPREAD)
        ]
        return Spent(*map(min, *ends)), Spent(*map(max, *ends))

    def at_end(self, generation: int, so_far: Spent, speed: Speed) -> Spent:
        """What the whole run will have taken, if nothing ends the search before its limits do.

        Args:
            generation: about to begin; 0 is the founders.
            so_far: nothing at all, or with the base policy's first answers at least.
            speed: of the run so far.
        """
        return self._finished(self._searched(generation, so_far, speed), speed)

    def _searched(self, generation: int, so_far: Spent, speed: Speed) -> Spent:
        spent = so_far
        if not spent.answers:
            spent = spent.plus(self.preset.second[0].within(self.search).prompts, speed)
        for number in range(generation, self.preset.generations + 1):
            if number > generation and self._is_over(spent):
                break
            spent = self._generation(number, spent, speed)
        return spent

    def _is_over(self, spent: Spent) -> bool:
        if spent.seconds >= self.preset.search_s * OVERTIME:
            return True
        least = self.preset.least_tokens(races=self.races)
        return self.tokens is not None and spent.tokens + least > self.tokens

    def _generation(self, number: int, spent: Spent, speed: Speed) -> Spent:
        """As many candidates as planned for stay in the race."""
        preset = self.preset
        new = preset.offspring if number else preset.population
        affords = self._pace(number, new, spent.seconds, speed.answers_per_s)
        first, second = affords.first.within(self.search), affords.second.within(self.search)
        left = math.inf
        known = 0 if number else 1  # the base policy, which is one of the first, has answered
        if self.tokens is not None:
            left = max(0.0, (self.tokens - spent.tokens) // preset.max_tokens)
            new = min(new, known + bearable(left, first, second, races=self.races))
        answers: float = (new - known) * first.prompts
        if self.races:
            staying = min(affords.staying, self.staying * new)
            paired = preset.elites + 1  # what the best answer, the base policy answers, too
            answers += staying * (second.prompts - first.prompts)
            answers += paired * affords.look_again.prompts
        return spent.plus(min(answers, left), speed, candidates=new)

    def _pace(self, number: int, new: int, at_s: float, rate: float) -> Pace:
        if not self.races:
            return Pace(self.preset.second[0], self.preset.second[0], new)
        return pace(
            self.preset,
            candidates=new,
            generations_left=self.preset.generations - number + 1,
            time_left_s=self.preset.search_s - at_s,
            rate=rate,
        )

    def _qualifying(self, qualifiers: int, rung: Rung) -> int:
        """New answers of a longer look; every candidate has had a first rung at least."""
        known, asked = self.preset.first[0], rung.within(self.search)
        more = max(0, asked.prompts - known.within(self.search).prompts)
        return (qualifiers + 1) * more if qualifiers else 0

    def _finished(self, searched: Spent, speed: Speed) -> Spent:
        """After the rest, which is fitted to the speed of the search and outruns it."""
        preset, rate, faster = self.preset, speed.answers_per_s, speed.times(self.finals_speed)
        qualifiers = min(preset.qualifiers, searched.candidates - 1)
        rung = qualifying_rung(
            preset, validation=self.validation, test=self.test, qualifiers=qualifiers,
            time_left_s=preset.total_s - searched.seconds, rate=rate,
        )  # fmt: skip
        qualified = searched.plus(self._qualifying(qualifiers, rung), faster)
        finalists = min(preset.finalists, searched.candidates - 1)
        left_s = preset.total_s - qualified.seconds
        rung = validation_rung(
            preset, test=self.test, finalists=finalists, time_left_s=left_s, rate=rate
        ).within(self.validation)
        validated = qualified.plus((finalists + 1) * rung.prompts, faster)
        last = test_rung(preset, time_left_s=preset.total_s - validated.seconds, rate=rate)
        return validated.plus(2 * last.within(self.test).prompts, faster)


def about(number: float) -> str:
    """Three digits of it."""
    return f"{float(f'{number:.3g}'):,.0f}"
