"""Which configurations of a table a search may look up."""

from __future__ import annotations

import random
from dataclasses import replace

from benchmarks.tuner.table import Row, Table
from tuner.algorithms import Algorithm
from tuner.genome import Genome
from tuner.space import Space, load_space


def drawn(table: Table, seed: int) -> Table:
    """The base policy, and two thirds of the others of each part, in an order of the seed's own."""
    base, *others = table.rows
    parts: dict[tuple[bool, bool], list[Row]] = {}
    for row in others:
        parts.setdefault(part_of(row.genome), []).append(row)
    rng = random.Random(f"{seed}/rows")  # noqa: S311 - not for secrets
    rows = [
        row for _, part in sorted(parts.items()) for row in rng.sample(part, -(-2 * len(part) // 3))
    ]
    rng.shuffle(rows)  # of configurations that are equally near the first one is taken
    return replace(table, rows=(base, *rows))


def part_of(genome: Genome) -> tuple[bool, bool]:
    """Whether it changes the prompt, and whether decoding."""
    slots, steps = ((one is not None for one in genes) for genes in (genome.slots, genome.decoding))
    return (any(slots) or bool(genome.demonstrations), any(steps))


def open_to(algorithm: Algorithm, table: Table) -> tuple[Space, dict[Genome, Row]]:
    """The part of the space that an algorithm combines, and what the table knows of it."""
    full = load_space(text=table.header.space)
    space = load_space(text=algorithm.within(table.header.space))
    rows = {genome: row for row in table.rows if (genome := _within(row.genome, full, space))}
    return space, rows


def _within(genome: Genome, full: Space, space: Space) -> Genome | None:
    """The genome in a part of its space; None where it needs more than that."""
    slots = dict(zip(full.slots, genome.slots, strict=True))
    decoding = dict(zip(full.grids, genome.decoding, strict=True))
    is_lost = (
        any(gene is not None for name, gene in slots.items() if name not in space.slots)
        or any(gene is not None for name, gene in decoding.items() if name not in space.grids)
        or any(name not in space.examples for name in genome.demonstrations)
    )
    if is_lost:
        return None
    return Genome(
        tuple(slots[name] for name in space.slots),
        genome.demonstrations,
        tuple(decoding[name] for name in space.grids),
    )
