"""Where a search starts and how it goes on: its founders, then whatever its algorithm breeds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from proxy.policy.schema import Policy
from tuner.breeding import Breeder
from tuner.candidate import Candidate, Origin
from tuner.evolution import Individual
from tuner.genome import Genome, canonical
from tuner.space import Space
from tuner.variation import latin_hypercube, mutate, random_genome

_Value = TypeVar("_Value")

_AT_RANDOM = 0.25
"""Of the founders, at least: a library's seeds resemble each other, and crossing them alone would
search what their author has searched already."""

_TRIES = 5
"""Mutations of a child that has been seen before it gives way to an immigrant."""

_IMMIGRANTS = 200
"""Immigrants tried before the space is taken to be used up."""


class Nursery:
    """Makes candidates that have not been seen before.

    Twins would waste answers and let lucky duplicates fill the population: where the space is used
    up there are fewer candidates, in the end none.

    Args:
        space: what genomes are made of.
        base: the policy they change.
        rng: the run's own generator.
        breeder: of the run's algorithm.
    """

    def __init__(self, space: Space, base: Policy, rng: random.Random, breeder: Breeder) -> None:
        self._space = space
        self._base = base
        self._rng = rng
        self._breeder = breeder
        self._seen: set[str] = set()
        self.baseline = Candidate.of(Genome.base(space), space, base)

    def first(self, count: int) -> list[Candidate]:
        """The base policy as candidate 0, hand-written seeds, then a Latin hypercube.

        Where there is no room for all seeds, they are taken from the whole list, which has
        relatives side by side.
        """
        room = max(0, count - 1 - math.ceil(_AT_RANDOM * count))
        seeds = [canonical(Genome.of_seed(seed, self._space), self._space)
                 for seed in evenly(self._space.seeds, room)]  # fmt: skip
        founders = [(Genome.base(self._space), Origin("base")),
                    *((genome, Origin("seed")) for genome in seeds)][:count]  # fmt: skip
        others = latin_hypercube(self._space, count - len(founders), self._rng)
        founders += [(genome, Origin("hypercube")) for genome in others]
        return self._fresh(founders)

    def children(self, population: Sequence[Individual], count: int) -> list[Candidate]:
        """What the breeder makes of the population."""
        return self._fresh(self._breeder.breed(population) for _ in range(count))

    def learn(self, measured: Sequence[Individual]) -> None:
        """See :meth:`tuner.breeding.Breeder.learn`."""
        self._breeder.learn(measured)

    def _fresh(self, bred: Iterable[tuple[Genome, Origin]]) -> list[Candidate]:
        found = (self._fresh_of(genome, origin) for genome, origin in bred)
        return [candidate for candidate in found if candidate is not None]

    def _fresh_of(self, genome: Genome, origin: Origin) -> Candidate | None:
        """The genome's candidate, or a mutant's or an immigrant's if that one has been seen."""
        candidate = Candidate.of(genome, self._space, self._base, origin)
        # A variant is drawn before it is known to be needed: runs of before are replayed by this.
        for variant, whence in self._variants(genome, origin):
            if candidate.key not in self._seen:
                break
            candidate = Candidate.of(variant, self._space, self._base, whence)
        if candidate.key in self._seen:
            return None
        self._seen.add(candidate.key)
        return candidate

    def _variants(self, genome: Genome, origin: Origin) -> Iterator[tuple[Genome, Origin]]:
        for _ in range(_TRIES):
            genome = mutate(genome, self._space, self._rng)
            yield genome, origin
        for _ in range(_IMMIGRANTS):
            yield random_genome(self._space, self._rng), Origin("immigrant")


def evenly(values: Sequence[_Value], count: int) -> list[_Value]:
    """All of them, or as many as are asked for, at equal distances from the first one on."""
    if len(values) <= count:
        return list(values)
    return [values[at * len(values) // count] for at in range(count)]
