"""Chances of each gene: honest without data, never 0, and nothing but counts."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuner.strategies import TOY_SPACE, genomes
from tests.tuner.toy import SPACE
from tuner.genome import Genome, canonical
from tuner.marginals import Marginals, blurred, chances
from tuner.space import load_space
from tuner.subspace import decoding_only, prompt_only

families = st.lists(genomes(), max_size=12)
seeds = st.integers(0, 2**32)
tallies = st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1e6), max_size=4)
PRIOR = {"a": 0.5, "b": 0.25, "c": 0.25}


def every(found: Marginals) -> list[list[float]]:
    """The chances of all genes."""
    genes: list[Mapping[Any, float]] = [*found.slots, found.counts, *found.places, *found.decoding]
    return [list(gene.values()) for gene in genes]


@given(families, families)
def test_chances_are_one_together_and_none_is_zero(
    better: list[Genome], rest: list[Genome]
) -> None:
    """Whatever has been seen, every value may still be drawn."""
    for gene in every(Marginals.of(TOY_SPACE, better, rest)):
        assert math.isclose(math.fsum(gene), 1)
        assert min(gene) > 0


@given(tallies, tallies)
def test_any_tally_leaves_every_value_of_the_prior_a_chance(
    better: dict[str, float], rest: dict[str, float]
) -> None:
    """And gives none to a value without one."""
    found = chances(PRIOR, better, rest)
    assert set(found) == set(PRIOR)
    assert math.isclose(math.fsum(found.values()), 1)
    assert min(found.values()) > 0


def test_without_data_chances_are_the_prior() -> None:
    """Slots as likely empty as any text, settings as likely unset as set, counts alike."""
    assert chances(PRIOR, {}, {}) == pytest.approx(PRIOR)
    found = Marginals.of(TOY_SPACE, [], [])
    assert found.slots[0] == pytest.approx({None: 1 / 3, "care": 1 / 3, "firm": 1 / 3})
    assert found.counts == pytest.approx(dict.fromkeys(range(5), 0.2))
    assert found.places[0] == pytest.approx(dict.fromkeys(TOY_SPACE.examples, 0.2))
    assert found.decoding[1] == pytest.approx({None: 0.5, 0.5: 0.25, 0.9: 0.25})


@given(tallies)
def test_where_better_and_rest_agree_chances_are_their_shares(tally: dict[str, float]) -> None:
    """A value that does not tell them apart is drawn as often as it is tried."""
    found = chances(PRIOR, tally, tally)
    counted = {value: 2 * share + tally.get(value, 0) for value, share in PRIOR.items()}
    whole = sum(counted.values())
    assert found == pytest.approx({value: count / whole for value, count in counted.items()})


@given(families, families, seeds)
def test_the_order_of_candidates_does_not_matter(
    better: list[Genome], rest: list[Genome], seed: int
) -> None:
    """To the last bit, or a resumed run would be another."""
    rng = random.Random(seed)
    found = Marginals.of(TOY_SPACE, better, rest)
    shuffled = rng.sample(better, len(better)), rng.sample(rest, len(rest))
    assert found == Marginals.of(TOY_SPACE, *shuffled)


def test_what_the_better_have_is_drawn_more_often() -> None:
    """The more, the rarer it is among the rest."""
    tried = chances(PRIOR, {"b": 4}, {})
    rare = chances(PRIOR, {"b": 4}, {"a": 4})
    common = chances(PRIOR, {"b": 4}, {"b": 4})
    assert rare["b"] > tried["b"] > common["b"] > PRIOR["b"]


@given(st.lists(st.sampled_from([None, 1, 2, 3, 9])))
def test_blurring_keeps_the_number_of_candidates(values: list[int | None]) -> None:
    """Each counts once in all; those that have no place in the order stay where they are."""
    tally = Counter(values)
    found = blurred(tally, [1, 2, 3])
    assert math.isclose(math.fsum(found.values()), len(values), abs_tol=1e-9)
    assert (found.get(None, 0), found.get(9, 0)) == (tally[None], tally[9])


def test_a_neighbour_counts_more_than_what_is_far() -> None:
    """On grids, and in the number of demonstrations."""
    found = blurred(Counter([2]), [1, 2, 3, 4])
    assert found[2] > found[1] == found[3] > found[4] > 0


def test_the_last_demonstration_is_learnt_apart() -> None:
    """Whoever stands last among the better is drawn for the last place most, the other less."""
    shown = ("safe-one", "fine-one")
    better = [Genome((None, None), shown, (None,) * 4)] * 6
    found = Marginals.of(TOY_SPACE, better, [])
    last, before = found.places[:2]
    assert last["fine-one"] > last["safe-one"] > last["safe-two"]
    assert before["safe-one"] > before["fine-one"] > before["safe-two"]
    assert max(found.counts, key=found.counts.__getitem__) == 2


@given(families, families, seeds)
def test_children_are_canonical_and_repeat_with_the_seed(
    better: list[Genome], rest: list[Genome], seed: int
) -> None:
    """Each demonstration once, all genes of the space, nothing inert."""
    found = Marginals.of(TOY_SPACE, better, rest)
    child = found.draw(random.Random(seed))
    assert child == found.draw(random.Random(seed)) == canonical(child, TOY_SPACE)
    assert len(set(child.demonstrations)) == len(child.demonstrations)
    assert set(child.demonstrations) <= set(TOY_SPACE.examples)
    assert all(gene in known for gene, known in zip(child.slots, found.slots, strict=True))
    assert all(gene in known for gene, known in zip(child.decoding, found.decoding, strict=True))


@pytest.mark.parametrize("within", [prompt_only, decoding_only])
def test_parts_of_a_library_are_learnt_alone(within: Callable[[str], str]) -> None:
    """What the space has no genes for stays unset."""
    space = load_space(text=within(SPACE))
    child = Marginals.of(space, [], []).draw(random.Random(1))
    assert len(child.slots) == len(space.slots)
    assert len(child.decoding) == len(space.grids)
    assert bool(child.demonstrations) <= bool(space.examples)
