"""What is bred is settled on what is there."""

from __future__ import annotations

import random
from collections import Counter

from benchmarks.tuner.configurations import configurations
from benchmarks.tuner.noisy import SPACE_TEXT
from benchmarks.tuner.parts import part_of
from benchmarks.tuner.settling import TableNursery, apart, usual_distances
from tuner.breeding import Immigrants
from tuner.genome import Genome
from tuner.space import load_space

SPACE = load_space(text=SPACE_TEXT)


def shown(*names: str) -> Genome:
    """Nothing but demonstrations."""
    return Genome((None,) * len(SPACE.slots), names, (None,) * len(SPACE.grids))


def test_genomes_differ_by_how_many_demonstrations_they_have() -> None:
    """Which ones they are says little, where there are many to choose from."""
    one, two, three, four, five = list(SPACE.examples)[:5]
    assert apart(shown(two, three), shown(four, five), SPACE) < apart(
        shown(one), shown(four, five), SPACE
    )
    assert apart(shown(one), shown(one), SPACE) == 0


def test_what_changes_both_parts_is_not_settled_on_what_changes_little() -> None:
    """Which is near to everything, and would come first only for that."""
    genomes = configurations(SPACE, 151, seed=1)
    rng = random.Random(1)
    nursery = TableNursery(
        SPACE, rng, Immigrants(SPACE, rng), genomes, usual_distances(SPACE, genomes)
    )
    settled = nursery.children([], 60)
    assert len({one.key for one in settled}) == 60
    parts = Counter(part_of(one.genome) for one in settled)
    assert parts[True, True] > 60 * sum(all(part_of(one)) for one in genomes) / 150


def test_what_has_been_tried_is_not_tried_again() -> None:
    """Until nothing is left."""
    genomes = configurations(SPACE, 7, seed=1)
    rng = random.Random(1)
    nursery = TableNursery(
        SPACE, rng, Immigrants(SPACE, rng), genomes, usual_distances(SPACE, genomes)
    )
    first = nursery.first(4)
    rest = nursery.children([], 12)
    assert first[0].genome == genomes[0]
    assert {one.genome for one in (*first, *rest)} == set(genomes)
    assert nursery.children([], 12) == []
