"""Where new genomes come from: what algorithms differ in most."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from tuner.candidate import Origin
from tuner.evolution import Individual, tournament
from tuner.genome import Genome
from tuner.space import Space
from tuner.variation import cross, mutate, random_genome

_CROSS_CHANCE = 0.9


class Breeder(Protocol):
    """Makes genomes, seen before or not; draws from the run's own generator only."""

    def breed(self, population: Sequence[Individual]) -> tuple[Genome, Origin]:
        """One genome.

        Args:
            population: the survivors, as they are known now.
        """
        ...

    def learn(self, measured: Sequence[Individual]) -> None:
        """Hear of each candidate once, when its generation has ended, in the order of birth."""
        ...


class Offspring:
    """Children of tournament winners; what has been learnt is in the population."""

    def __init__(self, space: Space, rng: random.Random) -> None:
        self._space = space
        self._rng = rng

    def breed(self, population: Sequence[Individual]) -> tuple[Genome, Origin]:
        """Crossed and mutated, or now and then mutated only."""
        mother, father = tournament(population, self._rng), tournament(population, self._rng)
        if self._rng.random() < _CROSS_CHANCE:
            mixed = cross(mother.genome, father.genome, self._space, self._rng)
            parents = tuple(dict.fromkeys((mother.key, father.key)))
            return mutate(mixed, self._space, self._rng), Origin("cross", parents)
        mutant = mutate(mother.genome, self._space, self._rng)
        return mutant, Origin("mutation", (mother.key,))

    def learn(self, measured: Sequence[Individual]) -> None:
        """Selection has learnt already."""


class Immigrants:
    """Genomes at random."""

    def __init__(self, space: Space, rng: random.Random) -> None:
        self._space = space
        self._rng = rng

    def breed(self, population: Sequence[Individual]) -> tuple[Genome, Origin]:  # noqa: ARG002 - chance has no parents
        """Whatever the population is."""
        return random_genome(self._space, self._rng), Origin("immigrant")

    def learn(self, measured: Sequence[Individual]) -> None:
        """Nothing to learn from."""
