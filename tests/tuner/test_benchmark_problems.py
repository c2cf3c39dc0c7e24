"""Published problems, searched by the tuner's own variation and selection, within stated bounds.

ZDT1 and DTLZ2 with two objectives, seven variables on grids of 41 values, seeds stated. The true
fronts' volumes are known in closed form, so that whatever makes the search worse shows here.

Source: Zitzler, Deb and Thiele (2000), Evolutionary Computation 8:173-195; Deb et al. (2002), CEC.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import moocore
import numpy as np
import pytest

from tests.tuner.test_evolution import NOTHING
from tuner.evolution import Fitness, Individual, first_front, select, tournament
from tuner.genome import Genome
from tuner.space import Space, load_space
from tuner.variation import cross, latin_hypercube, mutate

SETTINGS = {
    "top_p": (0.1, 0.9), "min_p": (0.0, 0.8), "top_k": (1, 41), "repeat_penalty": (0.5, 2.0),
    "frequency_penalty": (-2.0, 2.0), "presence_penalty": (-2.0, 2.0), "max_tokens": (10, 50),
}  # fmt: skip
"""Every setting but temperature, whose zero makes others inert."""

STEPS = 40
POPULATION = 40
GENERATIONS = 120

Losses = tuple[float, float]


def grid_space() -> Space:
    """Seven grids of :data:`STEPS` + 1 values and nothing else."""
    grids = {
        name: [round(low + (high - low) * i / STEPS, 6) for i in range(STEPS + 1)]
        for name, (low, high) in SETTINGS.items()
    }
    lines = [f"  {name}: {_whole(name, grid)}" for name, grid in grids.items()]
    return load_space(text="\n".join(["schema: 1", "decoding:", *lines]))


def _whole(name: str, grid: Sequence[float]) -> list[float] | list[int]:
    return [round(value) for value in grid] if name in {"top_k", "max_tokens"} else list(grid)


SPACE = grid_space()


def variables(genome: Genome) -> list[float]:
    """Each setting's place on its grid, in [0, 1]; 1, the far end of both problems, where unset."""
    return [
        1.0 if value is None else grid.index(value) / STEPS
        for value, grid in zip(genome.decoding, SPACE.grids.values(), strict=True)
    ]


def zdt1(x: Sequence[float]) -> Losses:
    """A convex front at second to last variables of 0."""
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return x[0], g * (1 - math.sqrt(x[0] / g))


def dtlz2(x: Sequence[float]) -> Losses:
    """A quarter of the unit circle, at second to last variables of a half."""
    g = sum((one - 0.5) ** 2 for one in x[1:])
    angle = x[0] * math.pi / 2
    return (1 + g) * math.cos(angle), (1 + g) * math.sin(angle)


def volume(front: Sequence[Losses]) -> float:
    """Dominated below (1.1, 1.1)."""
    return float(moocore.hypervolume(np.array(front), ref=(1.1, 1.1)))


ZDT1_VOLUME = 1.1 * 1.1 - 1 / 3
"""Below the front 1 - sqrt(x) lies a third."""

DTLZ2_VOLUME = 1.1 * 1.1 - math.pi / 4


def searched(problem: Callable[[Sequence[float]], Losses], seed: int) -> list[Losses]:
    """The first front of NSGA-II, with the operators and the selection of a tuning run."""
    rng = random.Random(seed)

    def individual(genome: Genome) -> Individual:
        first, second = problem(variables(genome))
        return Individual(str(genome.decoding), genome, NOTHING, Fitness(first, -second))

    population = [individual(one) for one in latin_hypercube(SPACE, POPULATION, rng)]
    population = select(population, POPULATION, rng)
    for _ in range(GENERATIONS):
        known = {one.key: one for one in population}
        for _ in range(POPULATION):
            mother, father = tournament(population, rng), tournament(population, rng)
            child = individual(mutate(cross(mother.genome, father.genome, SPACE, rng), SPACE, rng))
            known.setdefault(child.key, child)
        population = select(list(known.values()), POPULATION, rng)
    return [problem(variables(one.genome)) for one in first_front(population)]


@pytest.mark.parametrize(
    ("problem", "best"), [(zdt1, ZDT1_VOLUME), (dtlz2, DTLZ2_VOLUME)], ids=["zdt1", "dtlz2"]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_front_is_found_and_covered(
    problem: Callable[[Sequence[float]], Losses], best: float, seed: int
) -> None:
    """At least 97 % of the true front's volume after 4,840 evaluations; chance finds 15 %."""
    front = searched(problem, seed)
    assert 0.97 * best < volume(front) <= best
    assert len(front) > POPULATION / 2
