"""How little two genomes resemble each other."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.genome import Genome
from tuner.space import Space


def distance(first: Genome, second: Genome, space: Space) -> float:
    """Zero for the same genes, and one for each gene that differs wholly.

    Demonstrations count as two genes, as they do in mutation; steps on a grid in proportion.
    """
    slots = sum(x != y for x, y in zip(first.slots, second.slots, strict=True))
    shown, others = set(first.demonstrations), set(second.demonstrations)
    union = len(shown | others)
    apart = 2 * (1 - len(shown & others) / union) if union else 0.0
    steps = (
        _steps(x, y, grid)
        for x, y, grid in zip(first.decoding, second.decoding, space.grids.values(), strict=True)
    )
    return slots + apart + sum(steps)


def _steps(x: float | None, y: float | None, grid: Sequence[float]) -> float:
    if x == y:
        return 0.0
    if x is None or y is None:
        return 1.0
    return abs(grid.index(x) - grid.index(y)) / (len(grid) - 1)
