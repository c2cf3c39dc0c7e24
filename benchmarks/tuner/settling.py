"""Where candidates come from on a table: what is bred becomes the nearest that is not tried yet."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from statistics import fmean

from proxy.policy.schema import PASSTHROUGH
from tuner.breeding import Breeder
from tuner.candidate import Candidate, Origin
from tuner.evolution import Individual
from tuner.genome import Genome
from tuner.nursery import Nursery
from tuner.resemblance import distance
from tuner.space import Space
from tuner.variation import most_demonstrations, random_genome

_NOBODY = Origin("base")

_CLOUD = 200
"""Random genomes that tell how near a configuration is to anything."""


class TableNursery(Nursery):
    """Settles each genome on the nearest configuration of a table that has not been tried.

    Where all have been tried there are no more candidates.

    Args:
        space: what genomes are made of.
        rng: the search's own generator.
        breeder: of its algorithm.
        genomes: the table's, the base policy among them.
        usual: how far each is from random genomes on average. A configuration that changes little
            is near to all of them, and would be tried first, whatever was bred.
    """

    def __init__(
        self,
        space: Space,
        rng: random.Random,
        breeder: Breeder,
        genomes: Sequence[Genome],
        usual: Mapping[Genome, float],
    ) -> None:
        super().__init__(space, PASSTHROUGH, rng, breeder)
        self._left = [genome for genome in genomes if genome != self.baseline.genome]
        self._usual = usual

    def first(self, count: int) -> list[Candidate]:
        """The base policy, then what founders resemble most."""
        _, *founders = super().first(count)
        return [self.baseline, *self._settled((one.genome, one.origin) for one in founders)]

    def children(self, population: Sequence[Individual], count: int) -> list[Candidate]:
        """What the breeder's genomes resemble most."""
        return self._settled(self._breeder.breed(population) for _ in range(count))

    def _settled(self, bred: Iterable[tuple[Genome, Origin]]) -> list[Candidate]:
        settled = []
        for genome, origin in islice(bred, len(self._left)):
            nearest = min(self._left, key=partial(self._beyond_usual, genome))
            self._left.remove(nearest)
            settled.append(candidate_of(nearest, self._space, origin))
        return settled

    def _beyond_usual(self, genome: Genome, one: Genome) -> float:
        return apart(genome, one, self._space) - self._usual[one]


def apart(first: Genome, second: Genome, space: Space) -> float:
    """How little two genomes resemble each other, how many demonstrations they have included.

    Of a few dozens two random choices share next to none, and then only their numbers tell.
    """
    gaps = (
        abs(_count(first, kind, space) - _count(second, kind, space)) for kind in ("safe", "benign")
    )
    return distance(first, second, space) + sum(gaps) / max(1, most_demonstrations(space))


def _count(genome: Genome, kind: str, space: Space) -> int:
    return sum(space.examples[name].kind == kind for name in genome.demonstrations)


def usual_distances(space: Space, genomes: Iterable[Genome]) -> Mapping[Genome, float]:
    """How far each is from anything, on average over random genomes."""
    rng = random.Random("cloud")  # noqa: S311 - not for secrets
    cloud = [random_genome(space, rng) for _ in range(_CLOUD)]
    return {one: fmean(apart(other, one, space) for other in cloud) for one in genomes}


def candidate_of(genome: Genome, space: Space, origin: Origin = _NOBODY) -> Candidate:
    """The candidate of a genome that changes no policy but itself."""
    return Candidate.of(genome, space, PASSTHROUGH, origin)
