"""How little genomes resemble each other, in genes."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.tuner.strategies import TOY_SPACE, genomes
from tuner.genome import Genome
from tuner.resemblance import distance


def test_distance_counts_genes() -> None:
    """Demonstrations as two, steps on a grid in proportion."""
    base = Genome.base(TOY_SPACE)
    other = Genome(("care", None), ("safe-one",), (0.4, None, None, None))
    assert distance(base, base, TOY_SPACE) == 0.0
    assert distance(base, other, TOY_SPACE) == pytest.approx(1 + 2 + 1)
    warmer = Genome(("care", None), ("safe-one", "fine-one"), (0.8, None, None, None))
    assert distance(other, warmer, TOY_SPACE) == pytest.approx(2 * 0.5 + 1 / 3)


@given(genomes(), genomes())
def test_distance_is_the_same_from_either_side(first: Genome, second: Genome) -> None:
    """And zero to itself."""
    apart = distance(first, second, TOY_SPACE)
    assert apart == pytest.approx(distance(second, first, TOY_SPACE))
    assert distance(first, first, TOY_SPACE) == 0.0
