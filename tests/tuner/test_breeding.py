"""Where genomes come from."""

from __future__ import annotations

import random

from tests.tuner.strategies import TOY_SPACE
from tests.tuner.test_evolution import individual
from tuner.breeding import Immigrants, Offspring
from tuner.evolution import Fitness

PARENTS = [individual("a", Fitness(0.1, 0.1)), individual("b", Fitness(0.2, 0.2))]


def test_offspring_name_their_parents() -> None:
    """Crossed ones two, or one that met itself; mutants one."""
    breeder = Offspring(TOY_SPACE, random.Random(1))
    origins = [breeder.breed(PARENTS)[1] for _ in range(40)]
    assert {origin.way for origin in origins} == {"cross", "mutation"}
    assert all(set(origin.parents) <= {"a", "b"} and origin.parents for origin in origins)


def test_immigrants_owe_nothing_to_the_population() -> None:
    """The same generator gives the same genomes, whatever has been learnt."""
    families = []
    for population in (PARENTS, PARENTS[:1]):
        breeder = Immigrants(TOY_SPACE, random.Random(2))
        breeder.learn(population)
        families.append([breeder.breed(population) for _ in range(5)])
    assert families[0] == families[1]
    assert {origin.way for _, origin in families[0]} == {"immigrant"}
