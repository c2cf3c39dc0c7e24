"""Optuna as a source of genomes, where it is installed."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("optuna", reason="needs the extra optuna")

from tests.tuner.strategies import TOY_SPACE
from tests.tuner.test_evolution import NOTHING
from tuner.evolution import Fitness, Individual
from tuner.genome import Genome, canonical
from tuner.optuna_breeder import OptunaBreeder


def measured(genome: Genome) -> Individual:
    """Worth the more the more demonstrations it has."""
    harmful = 1 - len(genome.demonstrations) / 4
    return Individual(repr(genome), genome, NOTHING, Fitness(harmful, 0.5))


def bred(sampler: str, generations: int = 8) -> list[Genome]:
    """What a study suggests, generation by generation, founders told first."""
    breeder = OptunaBreeder(TOY_SPACE, random.Random(3), sampler=sampler)
    breeder.learn([measured(Genome.base(TOY_SPACE))])
    genomes: list[Genome] = []
    for _ in range(generations):
        children = list(dict.fromkeys(breeder.breed([])[0] for _ in range(8)))
        breeder.learn([measured(child) for child in children[:-1]])  # one gave way
        genomes += children
    return genomes


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_suggestions_are_canonical_and_repeat_with_the_seed(sampler: str) -> None:
    """Or a resumed run would be another run."""
    genomes = bred(sampler)
    assert genomes == bred(sampler)
    assert all(genome == canonical(genome, TOY_SPACE) for genome in genomes)


def test_what_is_told_is_learnt() -> None:
    """Later suggestions have more of what paid."""
    genomes = bred("tpe", 12)
    shown = [len(genome.demonstrations) for genome in genomes]
    assert sum(shown[-16:]) > sum(shown[:16])
