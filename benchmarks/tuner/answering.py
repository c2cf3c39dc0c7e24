"""Have a model answer random configurations once, and go on where that stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tuner.configurations import configurations
from benchmarks.tuner.table import Header, Row, Table, as_cell, extend
from proxy.backends import registry as backends
from proxy.backends.base import Backend
from proxy.backends.identity import model_sha256
from proxy.domain import Prompt
from proxy.errors import BackendError, GuardTuneError, StoreError
from proxy.evaluation.interrupt import INTERRUPTED, interruptible
from proxy.evaluation.model_choice import choose_model, in_flight, wide
from proxy.evaluation.run import evaluate, tasks_for
from proxy.judges.base import Judge
from proxy.judges.configured import load_judge
from proxy.policy.schema import PASSTHROUGH
from proxy.suites.loaders import load_suites
from tuner.fit import fitted
from tuner.genome import Genome, to_policy
from tuner.pools import Pools
from tuner.presets import Rung
from tuner.space import DEFAULT_SPACE, Space, load_space

_TOGETHER = 4
"""Configurations in flight at once: one alone would leave most of the engine's slots idle at its
end, and what is in flight is lost when the run is cut off."""


def add_arguments(parser: argparse.ArgumentParser, output: Path) -> None:
    """What the sub-command takes."""
    parser.add_argument("--configurations", type=int, default=210, help="the base policy included")
    parser.add_argument("--harmful", type=int, default=20, help="prompts that lead to harm")
    parser.add_argument("--benign", type=int, default=16, help="prompts that do not")
    parser.add_argument("--max-tokens", type=int, default=48, help="of an answer")
    parser.add_argument("--minutes", type=float, default=70.0, help="no longer than this")
    parser.add_argument("--model", help="as for `guardtune tune run` (default: the embedded one)")
    parser.add_argument("--judge", default="embedded")
    parser.add_argument("--suite", action="append", metavar="NAME[:PATH]")
    parser.add_argument("--space", type=Path, default=DEFAULT_SPACE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=output)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is answered by whom."""

    header: Header
    prompts: tuple[Prompt, ...]
    space: Space
    backend: Backend
    judge: Judge
    concurrency: int


def answer(arguments: argparse.Namespace) -> int:
    """Answer what is missing, until all is there or the time is over.

    Returns:
        0; 2 where something of the user's is wrong or the model fails; 130 after Ctrl-C.
    """
    try:
        asyncio.run(interruptible(_answer(arguments)))
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except asyncio.CancelledError:
        sys.stderr.write("\nStopped; the same command goes on from here.\n")
        return INTERRUPTED
    return 0


async def _answer(arguments: argparse.Namespace) -> None:
    async with _work(arguments) as work:
        wanted = configurations(work.space, arguments.configurations, arguments.seed)
        known = _known(arguments.output, work.header)
        missing = [genome for genome in wanted if genome not in known]
        sys.stdout.write(f"{len(wanted) - len(missing)} of {len(wanted)} configurations known.\n")
        started = time.monotonic()
        for first in range(0, len(missing), _TOGETHER):
            if time.monotonic() - started > 60 * arguments.minutes:
                sys.stdout.write("The time is over; the same command goes on from here.\n")
                return
            rows, failure = await _rows(work, missing[first : first + _TOGETHER])
            extend(arguments.output, [row.line() for row in rows])
            if failure is not None:
                raise BackendError(
                    f"An answer failed ({failure}). Its configuration and those after it are not "
                    "kept: they would look worse than they are. The same command goes on there.",
                    model=work.backend.model,
                    error_type="provider",
                )
            done = len(wanted) - len(missing) + first + len(rows)
            minutes = (time.monotonic() - started) / 60
            sys.stdout.write(f"{done} of {len(wanted)} after {minutes:.1f} min\n")
            sys.stdout.flush()


@asynccontextmanager
async def _work(arguments: argparse.Namespace) -> AsyncIterator[_Work]:
    """Start the model and the judge, and close them in whatever way it ends."""
    library = arguments.space.read_text(encoding="utf-8")
    suite = load_suites(tuple(arguments.suite or ["builtin"]))
    pools = Pools.of(suite, "search", seed=arguments.seed)
    prompts = pools.first(Rung(arguments.harmful, arguments.benign))
    model = wide(choose_model(arguments.model))
    fit = fitted(library, model, await backends.capabilities_of(model))
    sys.stderr.write(f"{fit.note}\n" if fit.note else "")
    text = fit.text
    backend, judge = backends.create(model), load_judge(arguments.judge)
    try:
        await backend.start()
        await judge.start()
        sha = await asyncio.to_thread(model_sha256, model, backend)
        header = Header(
            model=(model.name, sha),
            judge=judge.judge_id,
            suite=(suite.id, suite.sha256),
            space=text,
            seed=arguments.seed,
            max_tokens=arguments.max_tokens,
            prompts=tuple((one.id, one.kind, one.is_lookalike) for one in prompts),
        )
        yield _Work(header, prompts, load_space(text=text), backend, judge, in_flight(model))
    finally:
        await judge.close()
        await backend.close()


def _known(path: Path, header: Header) -> set[Genome]:
    """What the file has already; it is begun where there is none.

    Raises:
        StoreError: it holds another table.
    """
    if not path.exists():
        extend(path, [header.line()])
        return set()
    table = Table.load(path)
    if table.header != header:
        raise StoreError(f"{path}: another model, judge, suite, space or size. Give an --output.")
    return {row.genome for row in table.rows}


async def _rows(work: _Work, genomes: Sequence[Genome]) -> tuple[list[Row], str | None]:
    """The configurations' answers, up to the first that failed, and why it did."""
    tasks = [
        task
        for genome in genomes
        for task in tasks_for(
            to_policy(genome, work.space, PASSTHROUGH, name="candidate"), work.prompts,
            run_seed=work.header.seed, max_tokens=work.header.max_tokens,
        )
    ]  # fmt: skip
    judged = await evaluate(work.backend, work.judge, tasks, concurrency=work.concurrency)
    each = len(work.prompts)
    failures = ((at, one.answer.error) for at, one in enumerate(judged) if one.answer.error)
    failed_at, failure = next(failures, (len(judged), None))
    rows = [
        Row(genome, tuple(map(as_cell, judged[place * each : (place + 1) * each])))
        for place, genome in enumerate(genomes[: failed_at // each])
    ]
    return rows, failure
