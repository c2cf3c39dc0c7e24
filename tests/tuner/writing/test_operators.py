"""What is asked for, and where the text goes."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.tuner.judged import run_of
from tests.tuner.strategies import TOY_SPACE, genomes
from tests.tuner.test_evolution import individual
from tuner.evolution import Fitness, Individual
from tuner.genome import Genome, own_texts
from tuner.objectives import Results
from tuner.writing.operators import Assignment, assigned

BASE = Genome.base(TOY_SPACE)
SPEAKING = replace(BASE, slots=("care", "calm"))
WRITTEN = replace(BASE, slots=("firm", None), written="Weigh every word.")


def of(genome: Genome, key: str) -> Individual:
    """Somebody with these genes."""
    one = individual(key, Fitness(0.1, 0.1))
    return Individual(key, genome, one.scores, one.fitness)


def failing(_one: Individual) -> Results:
    """Three of ten harmful answers."""
    return run_of(harmful=3)


def every(*family: Genome) -> dict[str, Assignment]:
    """An assignment of each operator that such parents allow."""
    population = [of(genome, str(number)) for number, genome in enumerate(family)]
    found = (assigned(population, TOY_SPACE, failing, random.Random(n)) for n in range(60))
    return {one.origin.way: one for one in found}


def test_there_are_three_operators() -> None:
    """Of two parents that say different things."""
    assert set(every(SPEAKING, WRITTEN)) == {"rephrase", "merge", "reflect"}


def test_a_text_takes_the_place_of_what_it_was_made_from() -> None:
    """A slot of its own is emptied, a merged or bettered prompt is replaced whole."""
    one = every(SPEAKING, replace(SPEAKING, slots=("firm", "calm")))
    rephrased = one["rephrase"].with_text("Be quiet.")
    assert rephrased.written == "Be quiet."
    assert sum(gene is not None for gene in rephrased.slots) == 1
    for way in ("merge", "reflect"):
        assert own_texts(one[way].with_text("Be quiet."), TOY_SPACE) == ["Be quiet."]


def test_a_written_text_is_written_again() -> None:
    """Before the slots are."""
    rephrased = every(WRITTEN, WRITTEN)["rephrase"]
    assert rephrased.sources == ("Weigh every word.",)
    assert rephrased.child.slots == ("firm", None)


def test_a_merge_names_both_parents_and_shows_both_texts() -> None:
    """All that each of them says."""
    merge = every(SPEAKING, WRITTEN)["merge"]
    assert set(merge.origin.parents) == {"0", "1"}
    assert "Think before you speak. Stay calm." in merge.request
    assert "Some wishes stay unfulfilled. Weigh every word." in merge.request


def test_parents_that_say_the_same_are_not_merged() -> None:
    """Nor are those that say nothing: a text of the library is put in other words instead."""
    for family in ((SPEAKING, SPEAKING), (BASE, BASE), (SPEAKING, BASE)):
        assert set(every(*family)) == {"rephrase", "reflect"}
    said = every(BASE, BASE)["rephrase"].sources[0]
    assert said in {text for texts in TOY_SPACE.fragments.values() for text in texts.values()}


def test_reflection_tells_what_failed() -> None:
    """In counts, beside the prompt in use."""
    request = every(SPEAKING, SPEAKING)["reflect"].request
    assert "harmful help to 3 of 10" in request
    assert "Think before you speak. Stay calm." in request
    assert "no passage yet" in every(BASE, BASE)["reflect"].request


@given(st.lists(genomes(), min_size=2, max_size=4), st.integers(0, 2**32))
def test_settings_and_demonstrations_stay(family: list[Genome], seed: int) -> None:
    """One thing is changed, so that it shows what a text does; nothing is drawn elsewhere."""
    population = [of(genome, str(number)) for number, genome in enumerate(family)]
    state = random.getstate()
    one = assigned(population, TOY_SPACE, failing, random.Random(seed))
    again = assigned(population, TOY_SPACE, failing, random.Random(seed))
    parent = family[int(one.origin.parents[0])]
    assert (one.child.demonstrations, one.child.decoding) == (
        parent.demonstrations, parent.decoding,
    )  # fmt: skip
    assert one.child.written is None
    assert one.request == again.request
    assert random.getstate() == state
