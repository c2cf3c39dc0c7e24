"""One search by one algorithm, with the code that `guardtune tune` runs, on looked-up answers."""

from __future__ import annotations

import asyncio
import io
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tuner.memory import Lookup, MemoryEvidence
from proxy.domain import Split
from proxy.evaluation.store import EvaluationStore, Run
from tuner.checkpoint import Journal
from tuner.finals import Round, finalists, test, validate
from tuner.ledger import Ledger
from tuner.nursery import Nursery
from tuner.pools import Pools
from tuner.presets import Preset
from tuner.progress import Progress
from tuner.record import Record
from tuner.search import Search
from tuner.watch import Watch

FOREVER = 1e9
"""Seconds that a search may take: its time does not pass."""

_RUN = "benchmark"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a search is run on.

    Args:
        preset: sizes; time does not pass, so only tokens and generations end a search.
        tokens: the most that it may use.
        pools: the search split, and for finals the validation and the test split.
        lookup: a candidate's answer to a prompt.
    """

    preset: Preset
    tokens: int
    pools: Mapping[Split, Pools]
    lookup: Lookup


def run_search(stage: Stage, nursery: Nursery, rng: random.Random, *, races: bool) -> Record:
    """Search, and where there are prompts for it validate and test.

    Args:
        stage: what it is run on.
        nursery: where candidates come from.
        rng: the run's own generator, the nursery's too.
        races: as in :class:`tuner.algorithms.Algorithm`.

    Returns:
        The journal, as a real run leaves it.
    """
    with tempfile.TemporaryDirectory() as folder, EvaluationStore(Path(folder) / "s") as store:
        store.add_run(Run(_RUN, 0.0, {}))
        asyncio.run(_run(stage, nursery, rng, _ledger(store), races=races))
        return Record.load(store, _RUN)


async def _run(
    stage: Stage, nursery: Nursery, rng: random.Random, ledger: Ledger, *, races: bool
) -> None:
    rounds = {
        split: Round(pools, MemoryEvidence(stage.lookup)) for split, pools in stage.pools.items()
    }
    evidence = rounds["search"].evidence
    search = Search(
        stage.preset,
        nursery=nursery,
        races=races,
        tokens=stage.tokens,
        pools=rounds["search"].pools,
        evidence=evidence,
        ledger=ledger,
        rng=rng,
    )
    found = await search.run()
    if "test" not in rounds:
        return
    best = finalists(found, evidence, stage.preset)
    preset, rate = stage.preset, evidence.rate(0.0)
    first, _ = await validate(
        found, best, rounds["validation"], test_split=rounds["test"].pools.all,
        preset=preset, ledger=ledger, rate=rate,
    )  # fmt: skip
    searched = evidence.of(first)
    await test(
        found, first, rounds["test"], searched=searched, preset=preset, ledger=ledger, rate=rate,
        earlier=0,
    )  # fmt: skip


def _ledger(store: EvaluationStore) -> Ledger:
    watch = Watch(lambda: 0.0)
    progress = Progress(
        io.StringIO(), generations=0, total_s=0.0, elapsed_s=watch.elapsed_s, clock=lambda: 0.0
    )
    return Ledger(Journal(store, _RUN), watch, progress)
