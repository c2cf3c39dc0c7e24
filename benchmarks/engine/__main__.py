"""``python -m benchmarks.engine``: measure, write ``benchmarks/results/engine.json`` and a table.

A run that is cut off goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.engine import native_environment
from benchmarks.engine.jobs import Setup
from benchmarks.engine.machine import machine, versions
from benchmarks.engine.plan import QUICK, WORKLOADS, ContenderName, Workload
from benchmarks.engine.processes import OMP_WAIT_POLICY, ROOT
from benchmarks.engine.records import Journal
from benchmarks.engine.report import markdown, result
from benchmarks.engine.run import run_all
from benchmarks.own_environment import UnavailableError
from proxy.engine.cores import available_cores
from proxy.engine.weights import default_cache, file_sha256, find_weights

RESULTS = ROOT / "benchmarks" / "results" / "engine.json"
TABLE = ROOT / "benchmarks" / "engine.md"

SLOTS = 16
N_CTX_TOKENS = 8192
N_REPEATS = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = _parser().parse_args(argv)
    folder = arguments.scratch or default_cache() / "benchmarks"
    workloads = _chosen(arguments)
    weights = find_weights(
        arguments.model, convert="f16", cache=default_cache(), threads=available_cores()
    )
    setup = Setup(str(weights.path), arguments.threads, SLOTS, N_CTX_TOKENS)
    pythons = _pythons(folder)
    journal_path = folder / ("engine-quick.jsonl" if arguments.quick else "engine.jsonl")
    if arguments.fresh:
        journal_path.unlink(missing_ok=True)
    about = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.engine" + (" --quick" if arguments.quick else ""),
        "machine": machine(),
        "versions": versions(has_native="native" in pythons),
        "settings": _settings(setup, arguments.repeats),
    }
    journal = Journal(journal_path)
    run_all(
        workloads, arguments.repeats, pythons=pythons, setup=setup, journal=journal, say=_say,
        log=folder / "engine.log",
    )  # fmt: skip
    if not arguments.workload:
        _write(result(journal.records, about=about), arguments.output, is_quick=arguments.quick)
        journal_path.unlink(missing_ok=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run: few workloads, once")
    parser.add_argument("--repeats", type=int, help=f"{N_REPEATS} by default, 1 with --quick")
    parser.add_argument("--threads", type=int, default=available_cores(), help="for everybody")
    parser.add_argument("--model", default="embedded", help="a GGUF file; converted to F16")
    parser.add_argument("--fresh", action="store_true", help="forget a run that was cut off")
    parser.add_argument(
        "--workload", action="append", metavar="NAME",
        help="run only this one and keep its figures for a later whole run; may be repeated",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, help=f"instead of {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--scratch", type=Path, help="instead of the cache folder")
    return parser


def _chosen(arguments: argparse.Namespace) -> Sequence[Workload]:
    if arguments.repeats is None:
        arguments.repeats = 1 if arguments.quick else N_REPEATS
    workloads = QUICK if arguments.quick else WORKLOADS
    names = arguments.workload
    if unknown := set(names or ()) - {one.name for one in workloads}:
        known = ", ".join(repr(one.name) for one in workloads)
        raise SystemExit(f"No such workload: {', '.join(sorted(unknown))}. There are: {known}")
    return workloads if names is None else [one for one in workloads if one.name in names]


def _pythons(cache: Path) -> dict[ContenderName, Path]:
    here = Path(sys.executable)
    pythons: dict[ContenderName, Path] = {
        "guardtune": here,
        "guardtune_tuner": here,
        "guardtune_default_openmp": here,
        "guardtune_profiled": here,
        "high_level": here,
    }
    try:
        pythons["native"] = native_environment.ensure(cache)
    except UnavailableError as error:
        _say(str(error))
    return pythons


def _settings(setup: Setup, n_repeats: int) -> dict[str, Any]:
    return {
        "weights": "F16",
        "model_sha256": file_sha256(Path(setup.model)),
        "threads": setup.threads,
        "slots": setup.slots,
        "n_ctx_tokens": setup.n_ctx_tokens,
        "omp_wait_policy": OMP_WAIT_POLICY,
        "flash_attention": True,
        "kv_cache": "F16",
        "n_repeats": n_repeats,
    }


def _write(data: dict[str, Any], output: Path | None, *, is_quick: bool) -> None:
    """A smoke run never replaces the results that are kept."""
    page = markdown(data)
    if output is None and is_quick:
        print(page)
        return
    path = output or RESULTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    (TABLE if output is None else path.with_suffix(".md")).write_text(page, "utf-8")
    print(page)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
