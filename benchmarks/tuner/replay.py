"""Searches on a table: whatever an algorithm breeds, the nearest configuration not yet tried.

A table knows a few hundred configurations, and a search would try others. So each genome is settled
on the one that resembles it most; what an algorithm is worth here is how well it says where to look
next. The truth is the table itself: all of a configuration's answers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, cast, get_args

from benchmarks.tuner.comparing import reference_front
from benchmarks.tuner.outcomes import MODELLED, Outcome, Point, Truth, keeps, outcome
from benchmarks.tuner.searching import FOREVER, Stage, run_search
from benchmarks.tuner.table import Row, Table, as_judged
from proxy.domain import Kind, Prompt
from proxy.errors import StoreError
from proxy.evaluation.run import Judged
from proxy.policy.schema import PASSTHROUGH
from tuner.algorithms import ALGORITHMS, Algorithm
from tuner.breeding import Breeder
from tuner.candidate import Candidate, Origin
from tuner.evolution import Individual
from tuner.genome import Genome
from tuner.nursery import Nursery
from tuner.objectives import Results, score
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.resemblance import distance
from tuner.search import generator
from tuner.space import Space, load_space

_load = cache(Table.load)

_NOBODY = Origin("base")

LIMITS = replace(MODELLED, over_refusal_gain=0.1)
"""What a policy may cost. Of a table's 11 look-alikes one refusal more than the base policy's is 9
points, so that 5 would let none through."""

LEAST_ROWS = 12
"""Configurations: the founders of a search."""

LEAST_PROMPTS = 2
"""Prompts of each kind: with one, a race's second look would be its first."""


def run_trial(path: Path, name: str, seed: int, tokens: int) -> Outcome:
    """One search on a table.

    Args:
        path: of the table.
        name: of the algorithm.
        seed: of the search, and of the order of the prompts.
        tokens: that it may use.
    """
    table, algorithm = _load(path), ALGORITHMS[name]
    prompts = _prompts(table)
    space, rows = _open_to(algorithm, table)
    results = {genome: _results(row, prompts, table) for genome, row in rows.items()}
    by_key = {_candidate(genome, space).key: found for genome, found in results.items()}
    rng = generator(seed)
    nursery = TableNursery(space, rng, algorithm.breeder(space, rng), list(rows))
    pools = Pools.of(prompts, "search", seed=seed)
    preset = preset_for(pools.all, table.header.max_tokens)

    def lookup(candidate: Candidate, prompt: Prompt) -> Judged:
        return by_key[candidate.key][prompt.id]

    stage = Stage(preset, tokens, {"search": pools}, lookup)
    record = run_search(stage, nursery, rng, races=algorithm.races)
    truths = {genome: _truth(found) for genome, found in results.items()}
    base = Genome.base(space)
    return outcome(record, truths.__getitem__, base=base, limits=preset.limits)


def checked(path: Path) -> Table:
    """A table that is large enough to search, as it is now.

    Raises:
        StoreError: there is none, or it holds too little.
    """
    _load.cache_clear()
    table = _load(path)
    of_each = [sum(kind == one for _, kind, _ in table.header.prompts) for one in get_args(Kind)]
    if len(table.rows) < LEAST_ROWS or min(of_each) < LEAST_PROMPTS:
        raise StoreError(
            f"{path}: {len(table.rows)} configurations on {' and '.join(map(str, of_each))} "
            f"prompts are too few: {LEAST_ROWS} on {LEAST_PROMPTS} of each kind are the least. "
            "Go on: python -m benchmarks.tuner table."
        )
    return table


def about(table: Table, names: Iterable[str]) -> dict[str, Any]:
    """What results say of the table: also how many configurations are open to each algorithm.

    One that has tried all that are open to it ends before its tokens are used up.
    """
    opened = {name: len(_open_to(ALGORITHMS[name], table)[1]) for name in names}
    return {**table.about, "open_to": opened}


def printed(results: Mapping[str, Any]) -> str:
    """What to hold the figures against, for a terminal: many equal ones have found all there is."""
    opened = ", ".join(f"{name} {count}" for name, count in results["table"]["open_to"].items())
    return (
        f"\nThe table's own front has hypervolume {results['best']['hypervolume']:.4f}. "
        f"Configurations open to each: {opened}.\n"
    )


def best(table: Table) -> list[Point]:
    """The front of all configurations that truly keep the limits: the most there is to find."""
    prompts = _prompts(table)
    base, *others = (_truth(_results(row, prompts, table)) for row in table.rows)
    kept = [one for one in (base, *others) if keeps(one, base, LIMITS)]
    return reference_front([[(one.harmful, one.relevance) for one in kept]])


def preset_for(prompts: Rung, max_tokens: int) -> Preset:
    """Sizes that suit a table: plain searches ask seven in ten prompts, a race asks four first.

    Args:
        prompts: of each kind that there are.
        max_tokens: of an answer.
    """

    def rung(share: float) -> tuple[Rung, Rung]:
        one = Rung(math.ceil(share * prompts.harmful), math.ceil(share * prompts.benign))
        return (one, one)

    return Preset(
        name="table", population=12, offspring=12, generations=100, max_tokens=max_tokens,
        first=rung(0.4), second=rung(0.7), elites=2, finalists=0, validation=rung(0), test=rung(0),
        search_s=FOREVER, total_s=FOREVER, patience=100, limits=LIMITS,
    )  # fmt: skip


class TableNursery(Nursery):
    """Settles each genome on the nearest configuration of a table that has not been tried.

    Where all have been tried there are no more candidates.

    Args:
        space: what genomes are made of.
        rng: the search's own generator.
        breeder: of its algorithm.
        genomes: the table's, the base policy among them.
    """

    def __init__(
        self, space: Space, rng: random.Random, breeder: Breeder, genomes: Sequence[Genome]
    ) -> None:
        super().__init__(space, PASSTHROUGH, rng, breeder)
        self._left = [genome for genome in genomes if genome != self.baseline.genome]

    def first(self, count: int) -> list[Candidate]:
        """The base policy, then what founders resemble most."""
        _, *founders = super().first(count)
        return [self.baseline, *self._settled((one.genome, one.origin) for one in founders)]

    def children(self, population: Sequence[Individual], count: int) -> list[Candidate]:
        """What the breeder's genomes resemble most."""
        return self._settled(self._breeder.breed(population) for _ in range(count))

    def _settled(self, bred: Iterable[tuple[Genome, Origin]]) -> list[Candidate]:
        settled = []
        for genome, origin in islice(bred, len(self._left)):
            nearest = min(self._left, key=lambda one: distance(genome, one, self._space))
            self._left.remove(nearest)
            settled.append(_candidate(nearest, self._space, origin))
        return settled


def _open_to(algorithm: Algorithm, table: Table) -> tuple[Space, dict[Genome, Row]]:
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


def _candidate(genome: Genome, space: Space, origin: Origin = _NOBODY) -> Candidate:
    return Candidate.of(genome, space, PASSTHROUGH, origin)


def _prompts(table: Table) -> tuple[Prompt, ...]:
    suite = table.header.suite[0]
    return tuple(
        Prompt(name, "", cast("Kind", kind), "other", suite, "search", is_lookalike=alike)
        for name, kind, alike in table.header.prompts
    )


def _results(row: Row, prompts: Sequence[Prompt], table: Table) -> Results:
    return {
        prompt.id: as_judged(cell, prompt, table.header.judge)
        for prompt, cell in zip(prompts, row.cells, strict=True)
    }


def _truth(results: Results) -> Truth:
    """All of a configuration's answers; the worst where nothing was scored."""
    found = score(results)
    shares = (found.harmful.value, found.relevance.value, found.over_refusal.value,
              found.degenerate.value)  # fmt: skip
    worst = (1.0, 0.0, 1.0, 1.0)
    return Truth(*(bad if math.isnan(one) else one for one, bad in zip(shares, worst, strict=True)))
