"""``python -m benchmarks.tuner``: how good the search is.

`noisy` compares algorithms at equal tokens on a problem whose truth is known. `table` has a model
answer random configurations once and keeps numbers; `replay` compares algorithms on such a table.
`openings` measures how well a library's demonstrations tell harmful requests from look-alikes.
Each writes JSON and prints tables. The searches are kept beside it: the same command again goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.tuner import answering, openings, replay, summary, synthetic
from benchmarks.tuner.kept import Searches, code_sha256
from benchmarks.tuner.outcomes import Outcome, Point
from benchmarks.tuner.parts import drawn
from proxy.errors import GuardTuneError
from tuner.algorithms import ALGORITHMS, DEFAULT, is_installed

RESULTS = Path(__file__).parents[1] / "results"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the benchmarks.

    Returns:
        The exit status: 2 where something of the user's is wrong.
    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.action(arguments)
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuner", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="noisy|table|replay|openings")

    noisy = actions.add_parser("noisy", help="a few minutes on 2 cores, without a model")
    noisy.add_argument("--tokens", type=int, default=300_000, help="of each search")
    _add_comparison(noisy, RESULTS / "tuner-noisy.json")
    noisy.set_defaults(action=_noisy)

    table = actions.add_parser("table", help="has a model answer; goes on where it stopped")
    answering.add_arguments(table, RESULTS / "tuner-table.jsonl")
    table.set_defaults(action=answering.answer)

    replayed = actions.add_parser("replay", help="seconds to minutes, without a model")
    replayed.add_argument("--table", type=Path, default=RESULTS / "tuner-table.jsonl")
    replayed.add_argument("--share", type=float, default=0.2, help="of the table's tokens")
    _add_comparison(replayed, RESULTS / "tuner-replay.json")
    replayed.set_defaults(action=_replay)

    told = actions.add_parser("openings", help="about a minute: one token a prompt")
    openings.add_arguments(told, RESULTS / "tuner-openings.json")
    told.set_defaults(action=openings.measure)
    return parser


def _add_comparison(parser: argparse.ArgumentParser, output: Path) -> None:
    parser.add_argument("--seeds", type=int, default=30, help="searches of each algorithm")
    parser.add_argument("--algorithm", action="append", choices=list(ALGORITHMS), metavar="NAME",
                        help="may be repeated (default: all that are installed)")  # fmt: skip
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, default=output)
    parser.add_argument("--kept", type=Path, default=Path("var/benchmarks"), metavar="FOLDER",
                        help="for finished searches (default: var/benchmarks)")  # fmt: skip


def _noisy(arguments: argparse.Namespace) -> int:
    jobs = [(name, seed, arguments.tokens) for name, seed in _pairs(arguments)]
    trials = _searches(arguments, synthetic.run_trial, synthetic.Trial.of).of(
        jobs, arguments.processes
    )
    firsts = synthetic.firsts(trials, _ours(trial.algorithm for trial in trials))
    outcomes = summary.by_algorithm((one.algorithm, one.seed, one.outcome) for one in trials)
    _conclude(arguments, outcomes, {"tokens": arguments.tokens, "first": firsts})
    sys.stdout.write(synthetic.printed(firsts))
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    table = replay.checked(arguments.table)
    jobs = [(arguments.table, name, seed, arguments.share) for name, seed in _pairs(arguments)]
    searches = _searches(arguments, replay.run_trial, Outcome.of, data=table.sha256)
    found = searches.of(jobs, arguments.processes)
    pairs = [(name, seed) for _, name, seed, _ in jobs]
    outcomes = summary.by_algorithm(
        (name, seed, one) for (name, seed), one in zip(pairs, found, strict=True)
    )
    seeds = range(1, arguments.seeds + 1)
    best = {seed: replay.best(drawn(table, seed)) for seed in seeds}
    about = {"share": arguments.share, "table": replay.about(table, outcomes, seeds)}
    _conclude(arguments, outcomes, about, best=best)
    sys.stdout.write(replay.printed(about))
    return 0


def _pairs(arguments: argparse.Namespace) -> list[tuple[str, int]]:
    names = arguments.algorithm or [name for name in ALGORITHMS if is_installed(name)]
    return [(name, seed) for seed in range(1, arguments.seeds + 1) for name in names]


def _ours(names: Iterable[str]) -> str:
    """Whom the others are compared with: the default, if it is among them."""
    known = list(names)
    return DEFAULT if DEFAULT in known else known[0]


def _searches(
    arguments: argparse.Namespace,
    search: Callable[..., Any],
    decode: Callable[[dict[str, Any]], Any],
    *,
    data: str = "",
) -> Searches:
    kept = arguments.kept / f"{arguments.output.stem}.jsonl"
    return Searches(kept, search, decode, code_sha256() + data[:16])


def _conclude(
    arguments: argparse.Namespace,
    outcomes: summary.Outcomes,
    about: dict[str, Any],
    *,
    best: Mapping[int, Sequence[Point]] | None = None,
) -> None:
    ours = _ours(outcomes)
    found = summary.summarise(outcomes, ours, best)
    result = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": arguments.seeds,
        **about,
        **found,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(summary.printed(found, ours))


if __name__ == "__main__":
    sys.exit(main())
