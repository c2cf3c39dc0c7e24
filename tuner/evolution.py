"""NSGA-II's ranking with constraints; the only file that imports DEAP.

Plain module-level classes instead of ``deap.creator``, whose types are globals that unpickling
rebinds. Nothing here draws from DEAP's or Python's global random generator.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Self

from deap import base, tools

from tuner.constraints import Constraint, violation
from tuner.genome import Genome
from tuner.objectives import Scores


class Fitness(base.Fitness):  # type: ignore[misc]  # deap has no types
    """Pessimistic objectives under Deb's feasibility-first dominance.

    A feasible candidate dominates an infeasible one; of two infeasible ones the lesser violation
    dominates; of two feasible ones Pareto dominance decides. Where these tie, the smaller excess of
    the point estimates over their limits dominates. DEAP's own ``ConstrainedFitness`` forgets
    violations once there are values, and cannot be hashed.

    Args:
        harmful: upper 95 % bound of the harmful rate, minimised. Pessimism lets candidates with
            different n be compared: 0 of 8 must not beat 1 of 32.
        relevance: lower 95 % bound of the mean relevance, maximised.
        violation: summed amounts by which limits are shown to be exceeded; 0 means feasible.
        excess: summed amounts by which point estimates exceed their limits.

    Raises:
        ValueError: a value is not finite; NaN would dominate everything.

    Source: Deb (2000), Comput. Methods Appl. Mech. Engrg. 186:311-338.
    """

    weights = (-1.0, 1.0)
    crowding_dist: float = 0.0

    def __init__(
        self, harmful: float, relevance: float, *, violation: float = 0.0, excess: float = 0.0
    ) -> None:
        for number in (harmful, relevance, violation, excess):
            if not abs(number) < float("inf"):
                raise ValueError(f"a fitness must be finite, not {number}")
        super().__init__((harmful, relevance))
        self.violation = violation
        self.excess = excess

    def dominates(self, other: Fitness, obj: slice = slice(None)) -> bool:
        """Whether this one is better in the order that the class describes."""
        if self.violation != other.violation:
            return self.violation < other.violation
        if self.violation or self.wvalues == other.wvalues:
            return self.excess < other.excess
        return bool(super().dominates(other, obj))

    @property
    def _identity(self) -> tuple[object, ...]:
        return (self.wvalues, self.violation, self.excess)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fitness) and self._identity == other._identity

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._identity)

    def __deepcopy__(self, memo: object) -> Self:
        harmful, relevance = self.values
        copy = type(self)(harmful, relevance, violation=self.violation, excess=self.excess)
        copy.crowding_dist = self.crowding_dist
        return copy


class Individual:
    """A genome with its scores so far; made anew whenever its scores change."""

    __slots__ = ("constraints", "fitness", "genome", "key", "promise", "scores")

    def __init__(
        self,
        key: str,
        genome: Genome,
        scores: Scores,
        fitness: Fitness,
        *,
        constraints: tuple[Constraint, ...] = (),
        promise: float = 0.0,
    ) -> None:
        self.key = key
        self.genome = genome
        self.scores = scores
        self.fitness = fitness
        self.constraints = constraints
        self.promise = promise

    @property
    def violation(self) -> float:
        """How far limits are shown to be broken, whatever the fitness makes of that."""
        return violation(self.constraints)


def select(individuals: Sequence[Individual], count: int, rng: random.Random) -> list[Individual]:
    """NSGA-II's survivors: whole fronts first, the last one by crowding; ties fall at random.

    Source: Deb et al. (2002), IEEE Trans. Evolutionary Computation 6:182-197.
    """
    shuffled = list(individuals)
    rng.shuffle(shuffled)
    # 'standard' only: the faster 'log' sort reads raw values and would rank infeasible ones first.
    survivors: list[Individual] = tools.selNSGA2(shuffled, count, nd="standard")
    return survivors


def first_front(individuals: Sequence[Individual]) -> list[Individual]:
    """Those that no other dominates, in the order given.

    Computed anew each time: DEAP's hall of fame would keep a lucky estimate for ever.
    """
    if not individuals:
        return []
    front = tools.sortNondominated(list(individuals), len(individuals), first_front_only=True)[0]
    keys = {individual.key for individual in front}
    return [individual for individual in individuals if individual.key in keys]


def tournament(population: Sequence[Individual], rng: random.Random) -> Individual:
    """The better of two at random: by dominance, then by crowding distance, then by a coin."""
    if len(population) == 1:
        return population[0]
    first, second = rng.sample(list(population), 2)
    if first.fitness.dominates(second.fitness):
        return first
    if second.fitness.dominates(first.fitness):
        return second
    if first.fitness.crowding_dist != second.fitness.crowding_dist:
        return max(first, second, key=lambda one: one.fitness.crowding_dist)
    return rng.choice((first, second))
