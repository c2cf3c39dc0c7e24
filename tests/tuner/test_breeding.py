"""Where genomes come from."""

from __future__ import annotations

import random

from tests.tuner.strategies import TOY_SPACE
from tests.tuner.test_evolution import NOTHING, individual
from tuner.breeding import Immigrants, LearntOffspring, Offspring
from tuner.evolution import Fitness, Individual
from tuner.genome import Genome, canonical
from tuner.variation import random_genome

PARENTS = [individual("a", Fitness(0.1, 0.1)), individual("b", Fitness(0.2, 0.2))]


def test_offspring_name_their_parents() -> None:
    """Crossed ones two, or one that met itself; mutants one."""
    breeder = Offspring(TOY_SPACE, random.Random(1))
    origins = [breeder.breed(PARENTS)[1] for _ in range(40)]
    assert {origin.way for origin in origins} == {"cross", "mutation"}
    assert all(set(origin.parents) <= {"a", "b"} and origin.parents for origin in origins)


def measured(count: int, *, seed: int = 5) -> list[Individual]:
    """Candidates at random, worth the more the more demonstrations they have."""
    rng = random.Random(seed)
    genomes = [random_genome(TOY_SPACE, rng) for _ in range(count)]
    return [
        Individual(f"{at}", one, NOTHING, Fitness(1 - len(one.demonstrations) / 4, 0.5))
        for at, one in enumerate(genomes)
    ]


def bred(seed: int = 1) -> list[tuple[Genome, str]]:
    """Many children of the better third of what has been measured, and how each came about."""
    breeder = LearntOffspring(TOY_SPACE, random.Random(seed))
    known = measured(36)
    breeder.learn(known[:18])
    breeder.learn(known[18:])
    survivors = sorted(known, key=lambda one: one.fitness.values)[:12]
    children = [breeder.breed(survivors) for _ in range(200)]
    keys = {one.key for one in survivors}
    assert all(set(origin.parents) <= keys and origin.parents for _, origin in children)
    return [(genome, origin.way) for genome, origin in children]


def test_at_least_a_third_of_children_are_bred_without_looking_at_genes_alone() -> None:
    """Genes that are good only together are found by crossing."""
    ways = [way for _, way in bred()]
    assert set(ways) == {"cross", "mutation", "drawn"}
    assert len(ways) / 3 < ways.count("cross") + ways.count("mutation") < len(ways)


def test_learnt_offspring_repeat_with_the_seed() -> None:
    """Or a resumed run would be another one."""
    children = bred()
    assert children == bred() != bred(2)
    assert all(genome == canonical(genome, TOY_SPACE) for genome, _ in children)


def test_drawn_genes_follow_what_paid() -> None:
    """Children have more demonstrations than candidates at random."""
    shown = [len(genome.demonstrations) for genome, way in bred() if way == "drawn"]
    usual = [len(one.genome.demonstrations) for one in measured(200, seed=6)]
    assert sum(shown) / len(shown) > sum(usual) / len(usual) + 1


def test_while_nobody_is_left_behind_children_are_crossed() -> None:
    """There is nothing to hold the survivors against yet."""
    breeder = LearntOffspring(TOY_SPACE, random.Random(1))
    founders = measured(12)
    breeder.learn(founders)
    assert "drawn" not in {breeder.breed(founders)[1].way for _ in range(50)}


def test_immigrants_owe_nothing_to_the_population() -> None:
    """The same generator gives the same genomes, whatever has been learnt."""
    families = []
    for population in (PARENTS, PARENTS[:1]):
        breeder = Immigrants(TOY_SPACE, random.Random(2))
        breeder.learn(population)
        families.append([breeder.breed(population) for _ in range(5)])
    assert families[0] == families[1]
    assert {origin.way for _, origin in families[0]} == {"immigrant"}
