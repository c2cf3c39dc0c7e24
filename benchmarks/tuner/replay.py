"""Searches on a table: whatever an algorithm breeds, the nearest configuration not yet tried.

A table knows a few hundred configurations, and a search would try others. So each genome is settled
on the one that resembles it most; what an algorithm is worth here is how well it says where to look
next. The truth is the table itself: all of a configuration's answers.

Each seed searches a table of its own, two thirds of the rows, so that intervals over seeds are also
about which configurations happen to be there. What there is to find bounds what can be found, and
some algorithms may look at a part only: results say where that bound is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, cast, get_args

from benchmarks.tuner.comparing import reference_front
from benchmarks.tuner.outcomes import MODELLED, Outcome, Point, Truth, keeps, outcome
from benchmarks.tuner.parts import drawn, open_to, part_of
from benchmarks.tuner.searching import FOREVER, Stage, run_search
from benchmarks.tuner.settling import TableNursery, candidate_of, usual_distances
from benchmarks.tuner.table import Row, Table, as_judged
from proxy.domain import Kind, Prompt
from proxy.errors import StoreError
from proxy.evaluation.run import Judged
from tuner.algorithms import ALGORITHMS, DEFAULT
from tuner.candidate import Candidate
from tuner.genome import Genome
from tuner.hypervolume import hypervolume
from tuner.objectives import Results, score
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.search import generator

_load = cache(Table.load)

LIMITS = replace(MODELLED, over_refusal_gain=0.1)
"""What a policy may cost. Of a table's 11 look-alikes one refusal more than the base policy's is 9
points, so that 5 would let none through."""

LEAST_ROWS = 20
"""Configurations: of two thirds of them a search has its founders."""

LEAST_PROMPTS = 2
"""Prompts of each kind: with one, a race's second look would be its first."""


def run_trial(path: Path, name: str, seed: int, share: float) -> Outcome:
    """One search on a table.

    Args:
        path: of the table.
        name: of the algorithm.
        seed: of the search, of its part of the table, and of the order of the prompts.
        share: of that part's tokens that it may use.
    """
    table, algorithm = drawn(_load(path), seed), ALGORITHMS[name]
    prompts, tokens = _prompts(table), round(share * table.tokens)
    space, rows = open_to(algorithm, table)
    results = {genome: _results(row, prompts, table) for genome, row in rows.items()}
    by_key = {candidate_of(genome, space).key: found for genome, found in results.items()}
    rng = generator(seed)
    nursery = TableNursery(
        space, rng, algorithm.breeder(space, rng), list(rows), _usual(path, name)
    )
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
    _usual.cache_clear()
    table = _load(path)
    of_each = [sum(kind == one for _, kind, _ in table.header.prompts) for one in get_args(Kind)]
    if len(table.rows) < LEAST_ROWS or min(of_each) < LEAST_PROMPTS:
        raise StoreError(
            f"{path}: {len(table.rows)} configurations on {' and '.join(map(str, of_each))} "
            f"prompts are too few: {LEAST_ROWS} on {LEAST_PROMPTS} of each kind are the least. "
            "Go on: python -m benchmarks.tuner table."
        )
    return table


@cache
def _usual(path: Path, name: str) -> Mapping[Genome, float]:
    return usual_distances(*open_to(ALGORITHMS[name], _load(path)))


def best(table: Table, name: str = DEFAULT) -> list[Point]:
    """The front of all that truly keep the limits: the most that an algorithm can find there."""
    _, rows = open_to(ALGORITHMS[name], table)
    return _front(table, rows.values())


def _front(table: Table, rows: Iterable[Row]) -> list[Point]:
    prompts = _prompts(table)
    base = _truth(_results(table.rows[0], prompts, table))
    truths = (_truth(_results(row, prompts, table)) for row in rows)
    kept = [one for one in truths if keeps(one, base, LIMITS)]
    return reference_front([[(one.harmful, one.relevance) for one in kept]])


def about(table: Table, names: Iterable[str], seeds: Iterable[int]) -> dict[str, Any]:
    """What results say of the table: how much of it is open to each algorithm, and what is there.

    ``open_to`` counts configurations of the whole table, ``ceiling`` is the hypervolume of the best
    among them, and ``without_joint`` that of all which change the prompt or decoding alone; the
    latter two are means over the seeds' tables. One that has tried all that are open to it ends
    before its tokens are used up.
    """
    tables = [drawn(table, seed) for seed in seeds]
    without = [
        hypervolume(_front(one, (row for row in one.rows if not all(part_of(row.genome)))))
        for one in tables
    ]
    return {
        **table.about,
        "open_to": {name: len(open_to(ALGORITHMS[name], table)[1]) for name in names},
        "ceiling": {
            name: round(fmean(hypervolume(best(one, name)) for one in tables), 5) for name in names
        },
        "without_joint": round(fmean(without), 5),
    }


def printed(results: Mapping[str, Any]) -> str:
    """What to hold the figures against, for a terminal: many equal ones have found all there is."""
    table = results["table"]
    lines = [
        f"{name}: {count} configurations, hypervolume at most {table['ceiling'][name]:.4f}"
        for name, count in table["open_to"].items()
    ]
    return "\n".join([
        "",
        "Open to each, and the most there is to find among them (mean over the seeds' tables):",
        *lines,
        f"Without those that change both prompt and decoding: {table['without_joint']:.4f}",
        "Intervals are over seeds, each on two thirds of one table: not over models or prompts.",
        "",
    ])  # fmt: skip


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
