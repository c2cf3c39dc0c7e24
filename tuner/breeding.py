"""Where new genomes come from: what algorithms differ in most."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from tuner.candidate import Origin
from tuner.evolution import Individual, tournament
from tuner.genome import Genome
from tuner.marginals import Marginals
from tuner.resemblance import distance
from tuner.space import Space
from tuner.variation import cross, mutate, random_genome

_CROSS_CHANCE = 0.9

_DRAWN_SHARE = 0.5
"""More gained nothing on the noisy problem, although genes add up there as if made for it."""


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


class LearntOffspring:
    """Children of which half follow what each gene has been worth in this run so far.

    The others are crossed: genes that are good only together are found that way, and never by
    looking at each gene alone. All are, as long as nobody has been left behind.
    """

    def __init__(self, space: Space, rng: random.Random) -> None:
        self._space = space
        self._rng = rng
        self._crossed = Offspring(space, rng)
        self._known: dict[str, Genome] = {}
        self._marginals: Marginals | None = None

    def breed(self, population: Sequence[Individual]) -> tuple[Genome, Origin]:
        """Drawn gene by gene, or a child of :class:`Offspring`."""
        if self._marginals is None:
            self._marginals = self._learnt(population)
        if self._marginals is None or self._rng.random() >= _DRAWN_SHARE:
            return self._crossed.breed(population)
        genome = self._marginals.draw(self._rng)
        return genome, Origin("drawn", (self._like(genome, population).key,))

    def learn(self, measured: Sequence[Individual]) -> None:
        """Remember them; who is among the better shows at the next child."""
        self._known |= {one.key: one.genome for one in measured}
        self._marginals = None

    def _learnt(self, population: Sequence[Individual]) -> Marginals | None:
        """The better are the survivors: selected feasible first, then by pessimistic bounds."""
        surviving = {one.key for one in population}
        rest = [genome for key, genome in self._known.items() if key not in surviving]
        if not rest:
            return None
        better = [genome for key, genome in self._known.items() if key in surviving]
        return Marginals.of(self._space, better, rest)

    def _like(self, genome: Genome, population: Sequence[Individual]) -> Individual:
        """The survivor that a genome resembles most."""
        return min(population, key=lambda one: (distance(genome, one.genome, self._space), one.key))


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
