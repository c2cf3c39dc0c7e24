"""Variation stays inside the space, is pure, and always changes something."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.tuner.strategies import TOY_SPACE, genomes
from tuner.genome import Genome, canonical
from tuner.space import load_space
from tuner.variation import cross, latin_hypercube, mutate, random_genome

seeds = st.integers(0, 2**32)


def assert_in_space(genome: Genome) -> None:
    """Every gene is of the toy space, and the genome is canonical."""
    slots = zip(genome.slots, TOY_SPACE.fragments.values(), strict=True)
    assert all(gene is None or gene in choices for gene, choices in slots)
    grids = zip(genome.decoding, TOY_SPACE.grids.values(), strict=True)
    assert all(gene is None or gene in grid for gene, grid in grids)
    assert set(genome.demonstrations) <= set(TOY_SPACE.examples)
    assert len(set(genome.demonstrations)) == len(genome.demonstrations)
    assert len(genome.demonstrations) <= TOY_SPACE.max_demonstrations
    assert canonical(genome, TOY_SPACE) == genome


@given(seeds)
def test_random_genomes_lie_in_the_space(seed: int) -> None:
    """Immigrants are valid."""
    assert_in_space(random_genome(TOY_SPACE, random.Random(seed)))


@given(genomes(), seeds)
def test_mutants_lie_in_the_space_and_differ(genome: Genome, seed: int) -> None:
    """A mutation is never wasted."""
    mutant = mutate(genome, TOY_SPACE, random.Random(seed))
    assert_in_space(mutant)
    assert mutant != genome
    assert mutant.written == genome.written


@given(genomes(), genomes(), seeds)
def test_children_lie_in_the_space_and_take_slots_from_parents(
    first: Genome, second: Genome, seed: int
) -> None:
    """Nothing appears in a slot that neither parent had."""
    child = cross(first, second, TOY_SPACE, random.Random(seed))
    assert_in_space(child)
    assert all(
        gene in pair
        for gene, pair in zip(child.slots, zip(first.slots, second.slots, strict=True), strict=True)
    )
    assert set(child.demonstrations) <= {*first.demonstrations, *second.demonstrations}


@given(genomes(), genomes(), seeds)
def test_settings_of_children_lie_between_their_parents(
    first: Genome, second: Genome, seed: int
) -> None:
    """Blending on the grid; an unset parent passes its gene on whole."""
    child = cross(first, second, TOY_SPACE, random.Random(seed))
    for gene, x, y in zip(child.decoding, first.decoding, second.decoding, strict=True):
        if gene is None:
            continue  # unset by a parent, or inert at temperature 0
        known = [value for value in (x, y) if value is not None]
        assert min(known) <= gene <= max(known)


@given(genomes(), genomes(), seeds)
def test_variation_depends_on_the_generator_alone(first: Genome, second: Genome, seed: int) -> None:
    """The same seed varies alike, and Python's global generator is left alone."""
    before = random.getstate()
    results = {
        (mutate(first, TOY_SPACE, rng), cross(first, second, TOY_SPACE, rng))
        for rng in (random.Random(seed), random.Random(seed))
    }
    assert len(results) == 1
    assert random.getstate() == before


def test_latin_hypercube_covers_every_demonstration_count_and_fragment() -> None:
    """Each stratum once, whatever the seed."""
    for seed in range(5):
        genomes = latin_hypercube(TOY_SPACE, 15, random.Random(seed))
        for genome in genomes:
            assert_in_space(genome)
        assert {len(genome.demonstrations) for genome in genomes} == {0, 1, 2, 3, 4}
        assert {genome.slots[0] for genome in genomes} == {None, "care", "firm"}


def test_a_space_of_one_genome_mutates_into_itself() -> None:
    """Nothing can change, and it ends."""
    empty = load_space(text="schema: 1\n")
    base = Genome.base(empty)
    assert mutate(base, empty, random.Random(1)) == base
    assert random_genome(empty, random.Random(1)) == base
