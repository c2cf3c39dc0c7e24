"""Runs turns: fresh processes for each repeat, one of them asked at a time, the others asleep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from benchmarks.engine.jobs import Outcome, Setup
from benchmarks.engine.measures import figures
from benchmarks.engine.plan import ContenderName, Turn, Workload, turns
from benchmarks.engine.processes import Contender, ContenderError, busy_neighbour
from benchmarks.engine.records import Journal, Record

WARM_UP = Workload("warm-up", n_chats=4, sharing="shared")
"""Touches the weights and fills caches; its number is no other's."""


def run_all(
    workloads: Sequence[Workload],
    n_repeats: int,
    *,
    pythons: Mapping[ContenderName, Path],
    setup: Setup,
    journal: Journal,
    say: Callable[[str], None],
    log: Path,
) -> None:
    """Run every turn that the journal does not have yet.

    Args:
        workloads: what is run.
        n_repeats: how often.
        pythons: the interpreter of each contender; those without one are left out.
        setup: how all of them load the model.
        journal: takes the results.
        say: told of each result, in one line.
        log: takes what the contenders print.
    """
    left = [
        turn
        for turn in turns(workloads, n_repeats)
        if turn.contender in pythons and turn.key not in journal.done
    ]
    for repeat in range(n_repeats):
        of_repeat = [turn for turn in left if turn.repeat == repeat]
        with _contenders(of_repeat, pythons, setup, log) as contenders:
            for turn in of_repeat:
                record = _take(turn, contenders[turn.contender])
                journal.add(record)
                say(_line(record))


@contextmanager
def _contenders(
    wanted: Sequence[Turn], pythons: Mapping[ContenderName, Path], setup: Setup, log: Path
) -> Iterator[dict[ContenderName, Contender]]:
    with ExitStack() as stack:
        running: dict[ContenderName, Contender] = {}
        for name in dict.fromkeys(turn.contender for turn in wanted):
            running[name] = Contender(name, pythons[name], setup, log)
            stack.callback(running[name].close)
            running[name].run(WARM_UP.job(0))
        yield running


def _take(turn: Turn, contender: Contender) -> Record:
    neighbour = busy_neighbour() if turn.workload.is_beside_busy else nullcontext()
    try:
        with neighbour:
            outcome = contender.run(turn.workload.job(turn.number))
    except ContenderError as error:
        outcome = Outcome(0.0, error=str(error))
    if outcome.error is not None:
        return Record.of(turn, None, outcome.error)
    return Record.of(turn, figures(outcome, has_late=turn.workload.is_late), None)


def _line(record: Record) -> str:
    if record.figures is None:
        return f"{record.key}: {record.error}"
    one = record.figures
    return (
        f"{record.key}: {one.tokens_per_s:.1f} tokens/s, TTFT p50 {one.ttft_ms[0]:.0f} ms, "
        f"ITL p50 {one.itl_ms[0]:.0f} p99 {one.itl_ms[1]:.0f} ms, {one.wall_s:.1f} s"
    )
