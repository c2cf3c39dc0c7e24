"""Where candidates come from: never the same one twice."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import pytest

from proxy.policy.schema import PASSTHROUGH
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.test_evolution import individual
from tuner.breeding import Offspring
from tuner.evolution import Fitness, Individual
from tuner.genome import Genome
from tuner.nursery import Nursery, evenly
from tuner.objectives import score
from tuner.presets import PRESETS, Preset
from tuner.space import Space, load_space


def nursery(seed: int = 1) -> Nursery:
    """On the toy space."""
    return of_space(TOY_SPACE, seed)


def of_space(space: Space, seed: int = 1) -> Nursery:
    """With NSGA-II's children."""
    rng = random.Random(seed)
    return Nursery(space, PASSTHROUGH, rng, Offspring(space, rng))


def parents() -> list[Individual]:
    """Two that differ nowhere."""
    return [individual("a", Fitness(0.1, 0.1)), individual("b", Fitness(0.2, 0.2))]


def test_the_base_policy_is_candidate_zero_and_seeds_follow() -> None:
    """Whatever the seed of the run."""
    first = nursery().first(6)
    assert first[0].genome == Genome.base(TOY_SPACE)
    assert first[1].genome == Genome.of_seed(TOY_SPACE.seeds[0], TOY_SPACE)
    assert len({candidate.key for candidate in first}) == 6


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda one: one.name)
def test_a_quarter_of_the_founders_is_drawn_at_random(preset: Preset) -> None:
    """Of the shipped library as well, whose seeds would fill a small population."""
    space = load_space()
    ways = Counter(one.origin.way for one in of_space(space).first(preset.population))
    assert ways["hypercube"] >= preset.population / 4
    assert ways["seed"] == min(len(space.seeds), preset.population - 1 - preset.population // 4)


def test_where_not_all_seeds_have_room_the_last_ones_are_not_left_out() -> None:
    """The library has relatives side by side."""
    assert evenly("abcdefgh", 4) == ["a", "c", "e", "g"]
    assert evenly("abc", 2) == ["a", "b"]
    assert evenly("abc", 3) == evenly("abc", 9) == ["a", "b", "c"]
    assert evenly("abc", 0) == []


def test_children_have_not_been_seen_before() -> None:
    """Twins are mutated again."""
    one = nursery()
    keys = [candidate.key for candidate in one.first(8)]
    for _ in range(10):
        keys += [candidate.key for candidate in one.children(parents(), 8)]
    assert len(set(keys)) == len(keys)


def test_the_same_seed_breeds_the_same_candidates() -> None:
    """Reproducible."""
    families = [
        [c.key for c in (*one.first(8), *one.children(parents(), 20))]
        for one in (nursery(3), nursery(3), nursery(4))
    ]
    assert families[0] == families[1] != families[2]


def test_a_space_that_is_used_up_ends_with_fewer_candidates() -> None:
    """Two policies are all there is; twins would be answered, counted and dropped again."""
    tiny = load_space(text="schema: 1\nslots: {s: [{id: a, text: x}]}\n")
    one = of_space(tiny)
    found = one.first(4)
    assert len(found) == len({candidate.key for candidate in found}) == 2
    both = [Individual(c.key, c.genome, score({}), Fitness(0.1, 0.1)) for c in found]
    assert one.children(both, 4) == []


def test_as_many_numbers_are_drawn_as_ever() -> None:
    """Another number of draws would make each stored run another one."""
    one = nursery(3)
    keys = "".join(c.key for c in (*one.first(8), *one.children(parents(), 40)))
    assert hashlib.sha256(keys.encode()).hexdigest()[:12] == "882bb7e02428"


def test_every_candidate_says_where_it_comes_from() -> None:
    """Founders have no parents; a child's are those of the population."""
    one = nursery()
    founders = one.first(6)
    assert [candidate.origin.way for candidate in founders[:3]] == ["base", "seed", "hypercube"]
    assert not any(candidate.origin.parents for candidate in founders)
    for child in one.children(parents(), 30):
        way, known = child.origin.way, child.origin.parents
        assert set(known) <= {"a", "b"}
        assert len(known) in {"cross": (1, 2), "mutation": (1,), "immigrant": (0,)}[way]
