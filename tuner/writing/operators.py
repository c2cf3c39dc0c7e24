"""What a writer is asked for, and which genome its text goes into: rephrase, merge, reflect."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tuner.candidate import Origin
from tuner.evolution import Individual, tournament
from tuner.genome import Genome, own_texts
from tuner.objectives import Results
from tuner.space import Space
from tuner.writing.failures import described
from tuner.writing.request import to_merge, to_reflect, to_rephrase

ResultsOf = Callable[[Individual], Results]
"""An individual's judged answers on the search split."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One text to be written.

    Args:
        origin: the operator, and whose texts it works on.
        request: for the writer.
        sources: texts that it works on; what comes back must not merely repeat one.
        child: a genome of which those texts have been taken out, for the new one to go into.
    """

    origin: Origin
    request: str
    sources: tuple[str, ...]
    child: Genome

    def with_text(self, text: str) -> Genome:
        """The child with what was written."""
        return replace(self.child, written=text)


def assigned(
    population: Sequence[Individual], space: Space, results_of: ResultsOf, rng: random.Random
) -> Assignment:
    """One of the three operators, on texts of tournament winners.

    Args:
        population: the survivors, at least two.
        space: the library, for parents that say nothing yet.
        results_of: for reflection.
        rng: of the writing alone, so that a search without a writer draws the same numbers.
    """
    first, second = tournament(population, rng), tournament(population, rng)
    operators = [
        lambda: _rephrase(first, space, rng),
        lambda: _merge(first, second, space) or _rephrase(first, space, rng),
        lambda: _reflect(first, space, results_of(first)),
    ]
    return rng.choice(operators)()


def _rephrase(parent: Individual, space: Space, rng: random.Random) -> Assignment:
    """The parent's written text; else one of its slots', else one of the library."""
    genome = parent.genome
    filled = [at for at, gene in enumerate(genome.slots) if gene is not None]
    if genome.written is not None:
        text = genome.written
    elif filled:
        place = rng.choice(filled)
        text = list(space.fragments.values())[place][str(genome.slots[place])]
        slots = tuple(None if at == place else gene for at, gene in enumerate(genome.slots))
        genome = replace(genome, slots=slots)
    else:
        text = rng.choice([text for texts in space.fragments.values() for text in texts.values()])
    origin = Origin("rephrase", (parent.key,))
    return Assignment(origin, to_rephrase(text), (text,), replace(genome, written=None))


def _merge(first: Individual, second: Individual, space: Space) -> Assignment | None:
    """All that two parents say, into the first; None where they say the same or nothing."""
    texts = tuple(" ".join(own_texts(one.genome, space)) for one in (first, second))
    if not all(texts) or len(set(texts)) == 1:
        return None
    origin = Origin("merge", (first.key, second.key))
    return Assignment(origin, to_merge(texts), texts, _silent(first.genome))


def _reflect(parent: Individual, space: Space, results: Results) -> Assignment:
    text = " ".join(own_texts(parent.genome, space))
    request = to_reflect(text, described(results))
    sources = (text,) if text else ()
    return Assignment(Origin("reflect", (parent.key,)), request, sources, _silent(parent.genome))


def _silent(genome: Genome) -> Genome:
    return replace(genome, slots=(None,) * len(genome.slots), written=None)
