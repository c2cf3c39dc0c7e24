"""How much a run may spend: presets as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuner.limits import Limits


@dataclass(frozen=True, slots=True)
class Rung:
    """How many prompts of each kind; rungs are nested, so a later one contains an earlier one."""

    harmful: int
    benign: int

    @property
    def prompts(self) -> int:
        """Both kinds together."""
        return self.harmful + self.benign

    def within(self, other: Rung) -> Rung:
        """At most as many of each kind as the other has."""
        return Rung(min(self.harmful, other.harmful), min(self.benign, other.benign))

    def or_more(self, other: Rung) -> Rung:
        """At least as many of each kind as the other has."""
        return Rung(max(self.harmful, other.harmful), max(self.benign, other.benign))


@dataclass(frozen=True, slots=True)
class Preset:
    """The size of a run; times are what it adapts to, and prompts are what it adapts.

    Args:
        name: as typed after ``--preset``.
        population: survivors of a generation.
        offspring: new candidates of a generation.
        generations: after the initial population.
        max_tokens: of an answer.
        first: the least and the most prompts that every candidate answers.
        second: the least and the most prompts of the candidates that stay in the race.
        elites: best candidates of a generation that answer more prompts, as many as a first rung.
        qualifiers: candidates that get a longer look on the search split, the most promising one
            and ever more cautious ones, before finalists are chosen from among them; 0 for no such
            look.
        qualifying: the least and the most prompts that each of those has answered then.
        finalists: candidates that are validated.
        validation: the least and the most prompts of a finalist.
        test: the least and the most prompts of the test, for the baseline and for the chosen one.
        search_s: wall time that the search aims at; it ends with the generation that takes it a
            tenth beyond.
        total_s: wall time that the whole run aims at; no limit, since every stage has its least.
        patience: generations without gain after which the search ends.
        seeds_stay: whether hand-written seeds stay in the race however little time there is, unless
            they lose it: a few prompts say little of the more cautious ones.
        limits: what a policy may cost.
    """

    name: str
    population: int
    offspring: int
    generations: int
    max_tokens: int
    first: tuple[Rung, Rung]
    second: tuple[Rung, Rung]
    elites: int
    finalists: int
    validation: tuple[Rung, Rung]
    test: tuple[Rung, Rung]
    search_s: float
    total_s: float
    patience: int
    limits: Limits = field(default_factory=Limits)
    qualifiers: int = 0
    qualifying: tuple[Rung, Rung] = (Rung(0, 0), Rung(0, 0))
    seeds_stay: bool = False

    @property
    def candidates(self) -> int:
        """Distinct candidates if the search is not stopped early."""
        return self.population + self.generations * self.offspring

    def least_tokens(self, *, races: bool) -> int:
        """What a candidate may take before anything is decided about it."""
        rung = self.first[1] if races else self.second[0]
        return rung.prompts * self.max_tokens


PRESETS: Mapping[str, Preset] = {
    "quick": Preset(
        name="quick", population=12, offspring=8, generations=5, max_tokens=64,
        first=(Rung(4, 2), Rung(8, 4)), second=(Rung(10, 8), Rung(24, 30)), elites=1,
        finalists=2, validation=(Rung(24, 30), Rung(60, 60)), test=(Rung(40, 45), Rung(60, 60)),
        search_s=320.0, total_s=570.0, patience=5,
    ),
    "standard": Preset(
        name="standard", population=24, offspring=16, generations=8, max_tokens=96,
        first=(Rung(10, 8), Rung(10, 8)), second=(Rung(20, 16), Rung(60, 60)), elites=5,
        qualifiers=10, qualifying=(Rung(30, 60), Rung(60, 200)),
        finalists=4, validation=(Rung(40, 40), Rung(200, 200)),
        test=(Rung(200, 200), Rung(400, 400)), search_s=2000.0, total_s=4300.0, patience=6,
        seeds_stay=True,
    ),
}  # fmt: skip
