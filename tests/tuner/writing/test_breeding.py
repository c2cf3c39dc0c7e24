"""Written texts among the genes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.tuner.strategies import TOY_SPACE
from tests.tuner.test_evolution import individual
from tuner.breeding import Immigrants, Offspring
from tuner.candidate import Origin
from tuner.evolution import Fitness, Individual
from tuner.genome import Genome
from tuner.writing.breeding import WithTexts

TEXT = "Weigh every word."


def parent(key: str, text: str | None) -> Individual:
    """Somebody with a text, or without."""
    one = individual(key, Fitness(0.1, 0.1))
    return Individual(key, replace(one.genome, written=text), one.scores, one.fitness)


def test_children_that_were_written_for_are_bred_first() -> None:
    """Each once, then what the breeder makes."""
    breeder = WithTexts(Offspring(TOY_SPACE, random.Random(1)), random.Random(2))
    awaited = (replace(Genome.base(TOY_SPACE), written=TEXT), Origin("reflect", ("a",)))
    breeder.expect([awaited])
    family = [parent("a", None), parent("b", None)]
    assert breeder.breed(family) == awaited
    assert breeder.breed(family)[1].way in {"cross", "mutation"}


def test_texts_are_inherited_from_parents_and_lost_now_and_then() -> None:
    """Of two parents either's."""
    breeder = WithTexts(Offspring(TOY_SPACE, random.Random(1)), random.Random(2))
    family = [parent("a", TEXT), parent("b", "Be quick.")]
    texts = [breeder.breed(family)[0].written for _ in range(60)]
    assert {*texts} == {TEXT, "Be quick.", None}
    assert texts.count(None) < 20


def test_without_texts_a_breeder_breeds_as_it_would_alone() -> None:
    """A writer that never writes changes nothing."""
    alone = Offspring(TOY_SPACE, random.Random(1))
    breeder = WithTexts(Offspring(TOY_SPACE, random.Random(1)), random.Random(2))
    family = [parent("a", None), parent("b", None)]
    assert [breeder.breed(family) for _ in range(20)] == [alone.breed(family) for _ in range(20)]


def test_immigrants_have_no_text() -> None:
    """They have no parents."""
    breeder = WithTexts(Immigrants(TOY_SPACE, random.Random(1)), random.Random(2))
    assert breeder.breed([parent("a", TEXT), parent("b", TEXT)])[0].written is None


def test_a_breeder_hears_nothing_of_candidates_with_a_text() -> None:
    """It would put down to its own genes what the text has done."""
    heard: list[str] = []

    class Listener(Immigrants):
        """Remembers."""

        def learn(self, measured: Sequence[Individual]) -> None:
            """Whom it hears of."""
            heard.extend(one.key for one in measured)

    breeder = WithTexts(Listener(TOY_SPACE, random.Random(1)), random.Random(2))
    breeder.learn([parent("a", TEXT), parent("b", None)])
    assert heard == ["b"]
