"""Written texts among the genes: new ones get a child each, others are inherited."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tuner.breeding import Breeder
from tuner.candidate import Origin
from tuner.evolution import Individual
from tuner.genome import Genome

_LOSS_CHANCE = 1 / 8
"""How often a child does without the text that it would inherit, so that idle texts leave."""


class WithTexts:
    """Any breeder, whose children carry written texts as well.

    Args:
        breeder: of the run's algorithm; it need not know of written texts.
        rng: of the writing alone.
    """

    def __init__(self, breeder: Breeder, rng: random.Random) -> None:
        self._breeder = breeder
        self._rng = rng
        self._expected: deque[tuple[Genome, Origin]] = deque()

    def expect(self, children: Iterable[tuple[Genome, Origin]]) -> None:
        """These are bred next, before anything else."""
        self._expected.extend(children)

    def breed(self, population: Sequence[Individual]) -> tuple[Genome, Origin]:
        """A child that was written for, or what the breeder makes, with its parents' text."""
        if self._expected:
            return self._expected.popleft()
        genome, origin = self._breeder.breed(population)
        return replace(genome, written=self._inherited(origin, population)), origin

    def learn(self, measured: Sequence[Individual]) -> None:
        """Candidates with a text are no evidence on the genes that the breeder knows of."""
        self._breeder.learn([one for one in measured if one.genome.written is None])

    def _inherited(self, origin: Origin, population: Sequence[Individual]) -> str | None:
        texts = [one.genome.written for one in population if one.key in origin.parents]
        if not any(texts):
            return None
        text = self._rng.choice(texts)
        return None if self._rng.random() < _LOSS_CHANCE else text
