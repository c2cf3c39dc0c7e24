"""Feasibility first, then Pareto, then crowding; nothing from DEAP's global state."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.evaluation.statistics import Mean, Rate
from tests.tuner.strategies import TOY_SPACE
from tuner.evolution import Fitness, Individual, first_front, select, tournament
from tuner.genome import Genome
from tuner.objectives import Scores

NOTHING = Scores(Rate(0, 0), Mean(0.0, 0, 0.0), *(Rate(0, 0) for _ in range(6)))

small = st.integers(0, 3).map(lambda value: value / 4)
fitnesses = st.builds(
    lambda harm, relevance, violation, excess: Fitness(
        harm, relevance, violation=violation, excess=excess
    ),
    small, small, small, small,
)  # fmt: skip


def individual(key: str, fitness: Fitness) -> Individual:
    """An individual whose only interesting part is its fitness."""
    return Individual(key, Genome.base(TOY_SPACE), NOTHING, fitness)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Fitness(0.9, 0.1), Fitness(0.1, 0.9, violation=0.01)),
        (Fitness(0.9, 0.1, violation=0.1), Fitness(0.1, 0.9, violation=0.2)),
        (Fitness(0.9, 0.1, violation=0.1), Fitness(0.1, 0.9, violation=0.1, excess=0.3)),
        (Fitness(0.1, 0.9), Fitness(0.2, 0.9)),
        (Fitness(0.1, 0.9, excess=0.3), Fitness(0.2, 0.8)),
        (Fitness(0.1, 0.9, excess=0.1), Fitness(0.1, 0.9, excess=0.2)),
    ],
    ids=["feasible", "less-violation", "tied-violation", "pareto", "excess-is-no-limit", "tie"],
)
def test_dominance_order(better: Fitness, worse: Fitness) -> None:
    """Deb's rules, ties going to the smaller point estimate."""
    assert better.dominates(worse)
    assert not worse.dominates(better)


def test_trade_offs_do_not_dominate() -> None:
    """Less harm at less relevance is a choice, not an improvement."""
    assert not Fitness(0.1, 0.1).dominates(Fitness(0.2, 0.2))
    assert not Fitness(0.2, 0.2).dominates(Fitness(0.1, 0.1))


@given(fitnesses, fitnesses, fitnesses)
def test_dominance_is_a_strict_order(a: Fitness, b: Fitness, c: Fitness) -> None:
    """Irreflexive, asymmetric, transitive: otherwise sorting into fronts need not end."""
    assert not a.dominates(a)
    assert not (a.dominates(b) and b.dominates(a))
    if a.dominates(b) and b.dominates(c):
        assert a.dominates(c)


@given(fitnesses, fitnesses)
def test_equality_and_hash_see_violations(a: Fitness, b: Fitness) -> None:
    """DEAP groups by equality before it sorts."""
    same = (a.values, a.violation, a.excess) == (b.values, b.violation, b.excess)
    assert (a == b) is same
    assert (a != b) is not same
    if same:
        assert hash(a) == hash(b)


def test_copies_and_pickles_keep_everything() -> None:
    """What deepcopy loses in DEAP's own class."""
    fitness = Fitness(0.1, 0.9, violation=0.2, excess=0.3)
    fitness.crowding_dist = 1.5
    for twin in (copy.deepcopy(fitness), pickle.loads(pickle.dumps(fitness))):
        assert twin == fitness
        assert twin.crowding_dist == 1.5


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    """NaN would dominate everything."""
    with pytest.raises(ValueError, match="finite"):
        Fitness(value, 0.5)
    with pytest.raises(ValueError, match="finite"):
        Fitness(0.5, 0.5, violation=value)


def test_selection_takes_feasible_fronts_first() -> None:
    """The log sort would put the infeasible one with the best values on top."""
    pool = [
        individual("bad", Fitness(0.0, 1.0, violation=0.5)),
        individual("front", Fitness(0.2, 0.8)),
        individual("behind", Fitness(0.3, 0.7)),
    ]
    assert [one.key for one in select(pool, 2, random.Random(1))] == ["front", "behind"]
    assert [one.key for one in first_front(pool)] == ["front"]
    assert first_front([]) == []


def test_selection_keeps_the_ends_of_a_front() -> None:
    """Crowding: the extremes, then the loneliest."""
    front = [individual(str(i), Fitness(i / 10, i / 10)) for i in (0, 1, 2, 9)]
    kept = {one.key for one in select(front, 3, random.Random(1))}
    assert kept == {"0", "9", "2"}


def test_selection_depends_on_its_generator_alone() -> None:
    """The same seed selects alike, and the global generator is left alone."""
    pool = [individual(str(i), Fitness(0.5, 0.5)) for i in range(12)]
    before = random.getstate()
    picks = [[one.key for one in select(pool, 4, random.Random(3))] for _ in range(2)]
    assert picks[0] == picks[1]
    assert random.getstate() == before


def test_tournament_prefers_dominance_then_crowding() -> None:
    """Over many draws of two, the better one always wins."""
    best, lonely, crowded = (
        individual("best", Fitness(0.1, 0.9)),
        individual("lonely", Fitness(0.2, 0.8)),
        individual("crowded", Fitness(0.3, 0.85)),
    )
    lonely.fitness.crowding_dist, crowded.fitness.crowding_dist = 2.0, 1.0
    rng = random.Random(5)
    for pair in itertools.permutations([best, lonely, crowded], 2):
        winner = tournament(pair, rng)
        assert winner.key == ("best" if best in pair else "lonely")


def test_tournament_tosses_a_coin_between_equals() -> None:
    """Neither place is favoured."""
    pair = [individual("a", Fitness(0.1, 0.1)), individual("b", Fitness(0.2, 0.2))]
    rng = random.Random(2)
    wins = sum(tournament(pair, rng).key == "a" for _ in range(200))
    assert 70 < wins < 130
