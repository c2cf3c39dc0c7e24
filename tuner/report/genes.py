"""Genes as a report names them: what a candidate is made of, and how two candidates differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from tuner.genome import Genome, canonical
from tuner.space import Space

UNSET = "as in the base policy"

DEMONSTRATIONS = "demonstrations"

WRITTEN = "written text"
"""The gene that no slot can be called like: ids have no blanks."""

Value = str | float

_T = TypeVar("_T")


def described(genome: Genome, space: Space) -> dict[str, Value]:
    """Gene → value for importance and parallel coordinates; demonstrations as counts and the last.

    The last one is named by its kind, since models imitate it most.
    """
    kinds = [space.examples[name].kind for name in genome.demonstrations if name in space.examples]
    return {
        **{name: gene or UNSET for name, gene in zip(space.slots, genome.slots, strict=True)},
        "safe demonstrations": float(kinds.count("safe")),
        "benign demonstrations": float(kinds.count("benign")),
        "last demonstration": kinds[-1] if kinds else "none",
        **{
            name: UNSET if gene is None else gene
            for name, gene in zip(space.grids, genome.decoding, strict=True)
        },
    }


def text_name(written: str) -> str:
    """What a written text is called where it is too long to be shown: its digest."""
    return f"#{hashlib.sha256(written.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, slots=True)
class Change:
    """One gene that differs between two genomes.

    Args:
        gene: a slot, ``demonstrations``, ``written text``, a setting or a bias.
        before: its value in the first, as printed.
        after: its value in the second, as printed.
    """

    gene: str
    before: str
    after: str


def changes(first: Genome, second: Genome, space: Space) -> tuple[Change, ...]:
    """What would have to change for the first genome to become the second."""
    return tuple(
        Change(gene, before, after)
        for (gene, before), (_, after) in zip(
            _printed(first, space), _printed(second, space), strict=True
        )
        if before != after
    )


def with_gene(genome: Genome, gene: str, source: Genome, space: Space) -> Genome:
    """The genome with one gene taken from another genome of the same space."""
    if gene == DEMONSTRATIONS:
        return canonical(replace(genome, demonstrations=source.demonstrations), space)
    if gene == WRITTEN:
        return replace(genome, written=source.written)
    if gene in space.slots:
        at = list(space.slots).index(gene)
        return canonical(replace(genome, slots=_put(genome.slots, at, source.slots[at])), space)
    at = list(space.grids).index(gene)
    decoding = _put(genome.decoding, at, source.decoding[at])
    return canonical(replace(genome, decoding=decoding), space)


def _put(values: tuple[_T, ...], at: int, value: _T) -> tuple[_T, ...]:
    return (*values[:at], value, *values[at + 1 :])


def _printed(genome: Genome, space: Space) -> Iterator[tuple[str, str]]:
    for name, gene in zip(space.slots, genome.slots, strict=True):
        yield name, gene or UNSET
    yield DEMONSTRATIONS, ", ".join(genome.demonstrations) or UNSET
    yield WRITTEN, UNSET if genome.written is None else text_name(genome.written)
    for name, value in zip(space.grids, genome.decoding, strict=True):
        yield name, UNSET if value is None else f"{value:g}"
