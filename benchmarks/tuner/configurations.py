"""Which configurations a table holds: a third each from all genes, the prompt's, and decoding's.

So that searches that do without the one or the other find something to look up, too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from tuner.genome import Genome
from tuner.space import Space
from tuner.variation import random_genome

_TRIES = 1000


def configurations(space: Space, count: int, seed: int) -> list[Genome]:
    """Distinct genomes, the base policy first; more of them begin with the same ones.

    Args:
        space: what they are made of.
        count: fewer where the space has no more.
        seed: of everything random.
    """
    found: dict[Genome, None] = {Genome.base(space): None}
    rng = random.Random(f"{seed}/table")  # noqa: S311 - not for secrets
    for genome in _drawn(space, rng):
        if len(found) == count:
            break
        found[genome] = None
    return list(found)


def _drawn(space: Space, rng: random.Random) -> Iterator[Genome]:
    base = Genome.base(space)
    seen: set[Genome] = {base}
    idle = 0
    while idle < _TRIES:
        genome = random_genome(space, rng)
        thirds = (
            genome,
            replace(genome, decoding=base.decoding),
            replace(base, decoding=genome.decoding),
        )
        fresh = [one for one in thirds if one not in seen]
        idle = 0 if fresh else idle + 1
        seen.update(fresh)
        yield from fresh
