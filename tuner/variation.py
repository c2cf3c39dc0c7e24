"""How genomes vary: pure functions of parents and a random generator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from tuner.genome import Genome, canonical
from tuner.space import Space

_T = TypeVar("_T")

_UNSET_CHANCE = 0.5
"""How often a random genome leaves a setting or slot as the base policy has it."""

_TRIES = 100
"""Mutations tried before a genome is taken to be the only one of its space."""

_STEP_CHANCE = 0.7
"""How often a mutated setting moves to a near value of its grid rather than to any value."""


def random_genome(space: Space, rng: random.Random) -> Genome:
    """Any genome, half of its genes unset; demonstrations of every count are equally likely."""
    count = rng.randint(0, most_demonstrations(space))
    return canonical(
        Genome(
            tuple(_maybe(list(choices), rng) for choices in space.fragments.values()),
            tuple(rng.sample(list(space.examples), count)),
            tuple(_maybe(list(grid), rng) for grid in space.grids.values()),
        ),
        space,
    )


def latin_hypercube(space: Space, count: int, rng: random.Random) -> list[Genome]:
    """``count`` genomes that together cover every gene's range evenly.

    Each gene is drawn once from each of ``count`` equal strata, in an order of its own.

    Source: McKay, Beckman and Conover (1979), Technometrics 21:239-245.
    """
    slots = [_stratified([None, *choices], count, rng) for choices in space.fragments.values()]
    # As many unset as set: a setting enforced everywhere would hide what the others do.
    grids = [
        _stratified([None] * len(grid) + list(grid), count, rng) for grid in space.grids.values()
    ]
    counts = _stratified(list(range(most_demonstrations(space) + 1)), count, rng)
    examples = list(space.examples)
    return [
        canonical(
            Genome(
                tuple(column[row] for column in slots),
                tuple(rng.sample(examples, counts[row])),
                tuple(column[row] for column in grids),
            ),
            space,
        )
        for row in range(count)
    ]


def cross(first: Genome, second: Genome, space: Space, rng: random.Random) -> Genome:
    """A child with each slot and setting from either parent, and a mix of their demonstrations."""
    return canonical(
        Genome(
            tuple(rng.choice(pair) for pair in zip(first.slots, second.slots, strict=True)),
            _cross_demonstrations(first.demonstrations, second.demonstrations, space, rng),
            tuple(
                _between(x, y, list(grid), rng)
                for x, y, grid in zip(
                    first.decoding, second.decoding, space.grids.values(), strict=True
                )
            ),
        ),
        space,
    )


def mutate(genome: Genome, space: Space, rng: random.Random) -> Genome:
    """A genome with on average two genes changed, and at least one unless none can change.

    Demonstrations count as two genes, since they act most. A written text stays as it is.
    """
    for _ in range(_TRIES):
        mutant = _mutated(genome, space, rng)
        if mutant != genome:
            return mutant
    return genome


def _mutated(genome: Genome, space: Space, rng: random.Random) -> Genome:
    chance = 2 / (len(genome.slots) + len(genome.decoding) + 2)
    slots = [
        _other([None, *choices], gene, rng) if rng.random() < chance else gene
        for gene, choices in zip(genome.slots, space.fragments.values(), strict=True)
    ]
    decoding = [
        _step(gene, list(grid), rng) if rng.random() < chance else gene
        for gene, grid in zip(genome.decoding, space.grids.values(), strict=True)
    ]
    demonstrations = genome.demonstrations
    if rng.random() < 2 * chance:
        demonstrations = _edit_demonstrations(demonstrations, space, rng)
    mutant = replace(
        genome, slots=tuple(slots), demonstrations=demonstrations, decoding=tuple(decoding)
    )
    return canonical(mutant, space)


def most_demonstrations(space: Space) -> int:
    """How many a genome may have."""
    return min(space.max_demonstrations, len(space.examples))


def _maybe(choices: Sequence[_T], rng: random.Random) -> _T | None:
    return None if rng.random() < _UNSET_CHANCE else rng.choice(choices)


def _stratified(choices: Sequence[_T], count: int, rng: random.Random) -> list[_T]:
    column = [choices[int((row + rng.random()) / count * len(choices))] for row in range(count)]
    rng.shuffle(column)
    return column


def _other(choices: Sequence[_T], current: _T, rng: random.Random) -> _T:
    others = [choice for choice in choices if choice != current]
    return rng.choice(others) if others else current


def _step(current: float | None, grid: list[float], rng: random.Random) -> float | None:
    """A near value of the grid, or any other one, unset included."""
    if current in grid and len(grid) > 1 and rng.random() < _STEP_CHANCE:
        at = grid.index(current)
        near = [grid[i] for i in range(max(0, at - 2), min(len(grid), at + 3)) if i != at]
        return rng.choice(near)
    return _other([None, *grid], current, rng)


def _between(
    x: float | None, y: float | None, grid: list[float], rng: random.Random
) -> float | None:
    """A grid value from one parent to the other; one of theirs where either has none."""
    if x not in grid or y not in grid:
        return rng.choice((x, y))
    low, high = sorted((grid.index(x), grid.index(y)))
    return grid[rng.randint(low, high)]


def _cross_demonstrations(
    first: tuple[str, ...], second: tuple[str, ...], space: Space, rng: random.Random
) -> tuple[str, ...]:
    """Half of the time one parent's list whole, since its order and mix were tried together."""
    if rng.random() < 0.5:  # noqa: PLR2004 - a fair coin
        return rng.choice((first, second))
    head, tail = rng.sample((first, second), 2)
    kept = head[: rng.randint(0, len(head))]
    added = [name for name in tail[rng.randint(0, len(tail)) :] if name not in kept]
    return (*kept, *added)[: most_demonstrations(space)]


def _edit_demonstrations(
    names: tuple[str, ...], space: Space, rng: random.Random
) -> tuple[str, ...]:
    """Add, drop, replace or move one demonstration, whichever is possible."""
    unused = [name for name in space.examples if name not in names]
    edits = []
    if unused and len(names) < most_demonstrations(space):
        edits.append("add")
    if names:
        edits.append("drop")
    if names and unused:
        edits += ["replace", "replace"]  # the count is found sooner than the best choice
    if len(names) > 1:
        edits.append("move")
    if not edits:
        return names
    return _edited(rng.choice(edits), names, unused, rng)


def _edited(
    edit: str, names: tuple[str, ...], unused: list[str], rng: random.Random
) -> tuple[str, ...]:
    at = rng.randrange(len(names)) if names else 0
    rest = names[:at] + names[at + 1 :]
    match edit:
        case "add":
            at = rng.randint(0, len(names))
            return (*names[:at], rng.choice(unused), *names[at:])
        case "replace":
            return (*names[:at], rng.choice(unused), *names[at + 1 :])
        case "move":
            to = _other(range(len(names)), at, rng)
            return (*rest[:to], names[at], *rest[to:])
        case _:
            return rest
