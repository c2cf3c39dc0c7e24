"""What each gene's values are worth on their own: chances, learnt from the better and the rest.

A univariate estimation of distributions. For every gene by itself, the share of the better
candidates that have a value is held against the share among the rest. A value is drawn in
proportion to ``better² / rest``: often, if it is frequent among the better and more so than among
the rest. Both shares are smoothed towards what a search starts from, so that no value is given up.

Sources: the marginals of the better, Mühlenbein and Paaß (1996), PPSN IV, LNCS 1141:178-187; better
over rest, Bergstra et al. (2011), NeurIPS 24.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from tuner.genome import Genome, canonical
from tuner.space import Space
from tuner.variation import most_demonstrations

_T = TypeVar("_T")

Tally = Mapping[_T, float]
"""Value → candidates that have it, in whole or in part."""

_PRIOR = 2
"""Candidates that what a search starts from counts as."""

_NEAR = 0.25
"""What a candidate counts at the next value of an ordered gene, relative to its own value. A power
of two, like the next one, so that sums are exact and no order of candidates changes them."""

_NEXT = 0.5
"""What a demonstration counts at the next place, relative to its own place."""


def chances(prior: Tally[_T], better: Tally[_T], rest: Tally[_T]) -> dict[_T, float]:
    """How likely each value is to be drawn.

    Args:
        prior: the chance of each value when nothing is known; they are 1 together, and none is 0.
        better: candidates that have each value, among the better; other values are passed over.
        rest: likewise among the others.

    Returns:
        For the values of the prior; they are 1 together, and none is 0.
    """
    first, second = _smoothed(prior, better), _smoothed(prior, rest)
    worth = {value: first[value] * first[value] / second[value] for value in prior}
    whole = sum(worth.values())
    return {value: part / whole for value, part in worth.items()}


@dataclass(frozen=True, slots=True)
class Marginals:
    """The chances of every gene of a space.

    Args:
        space: whose genes they are.
        slots: of each slot, None for an empty one.
        counts: of each number of demonstrations.
        places: which demonstration stands last, next to last and so on; the last one acts most, so
            places are counted from it.
        decoding: of each grid, None for a setting that is left as it is.
    """

    space: Space
    slots: tuple[Mapping[str | None, float], ...]
    counts: Mapping[int, float]
    places: tuple[Mapping[str, float], ...]
    decoding: tuple[Mapping[float | None, float], ...]

    @classmethod
    def of(cls, space: Space, better: Sequence[Genome], rest: Sequence[Genome]) -> Self:
        """Learnt from candidates; their order does not matter, and without any it is the prior."""
        most = range(most_demonstrations(space) + 1)
        examples = _even(space.examples)
        return cls(
            space,
            slots=tuple(
                chances(
                    _even([None, *choices]),
                    Counter(genome.slots[at] for genome in better),
                    Counter(genome.slots[at] for genome in rest),
                )
                for at, choices in enumerate(space.fragments.values())
            ),
            counts=chances(
                _even(most),
                blurred(Counter(len(genome.demonstrations) for genome in better), most),
                blurred(Counter(len(genome.demonstrations) for genome in rest), most),
            ),
            places=tuple(
                chances(examples, _shown(better, place), _shown(rest, place)) for place in most[:-1]
            ),
            decoding=tuple(
                chances(
                    # As the founders: as many unset as set.
                    {None: 0.5, **{value: 0.5 / len(grid) for value in grid}},
                    blurred(Counter(genome.decoding[at] for genome in better), grid),
                    blurred(Counter(genome.decoding[at] for genome in rest), grid),
                )
                for at, grid in enumerate(space.grids.values())
            ),
        )

    def draw(self, rng: random.Random) -> Genome:
        """A genome, each gene by its own chances."""
        return canonical(
            Genome(
                tuple(_one(known, rng) for known in self.slots),
                self._demonstrations(rng),
                tuple(_one(known, rng) for known in self.decoding),
            ),
            self.space,
        )

    def _demonstrations(self, rng: random.Random) -> tuple[str, ...]:
        """From the last place on, each at most once."""
        shown: list[str] = []
        for known in self.places[: _one(self.counts, rng)]:
            left = {name: chance for name, chance in known.items() if name not in shown}
            shown.insert(0, _one(left, rng))
        return tuple(shown)


def blurred(tally: Counter[_T], ordered: Sequence[_T]) -> dict[_T, float]:
    """The same candidates, each counted in part at the values near its own.

    Args:
        tally: candidates by value; values without a place in the order keep theirs.
        ordered: near ones beside each other.
    """
    spread = {value: float(count) for value, count in tally.items() if value not in ordered}
    for at, value in enumerate(ordered):
        nearness = [_NEAR ** abs(at - other) for other in range(len(ordered))]
        for other, near in zip(ordered, nearness, strict=True):
            spread[other] = spread.get(other, 0.0) + tally[value] * near / sum(nearness)
    return spread


def _shown(genomes: Iterable[Genome], place: int) -> dict[str, float]:
    """Demonstrations at a place, counted from the last one, and in part those at other places."""
    tally: dict[str, float] = {}
    for genome in genomes:
        for other, name in enumerate(reversed(genome.demonstrations)):
            tally[name] = tally.get(name, 0.0) + _NEXT ** abs(place - other)
    return tally


def _smoothed(prior: Tally[_T], tally: Tally[_T]) -> dict[_T, float]:
    raised = {value: _PRIOR * chance + tally.get(value, 0.0) for value, chance in prior.items()}
    whole = sum(raised.values())
    return {value: part / whole for value, part in raised.items()}


def _even(values: Iterable[_T]) -> dict[_T, float]:
    listed = list(values)
    return dict.fromkeys(listed, 1 / max(1, len(listed)))


def _one(known: Mapping[_T, float], rng: random.Random) -> _T:
    return rng.choices(list(known), list(known.values()))[0]
