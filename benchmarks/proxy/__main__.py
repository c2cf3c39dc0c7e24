"""``python -m benchmarks.proxy``: measure, print a table, write ``benchmarks/results/proxy.json``.

Contenders take turns in rounds, so that a noisy machine is noisy for all of them; ratios are of
medians over the rounds of this one run. Read ratios, not absolutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.proxy.contenders import ROOT, Running, running
from benchmarks.proxy.load import load

RESULTS = ROOT / "benchmarks" / "results" / "proxy.json"
WARM_UP_S = 0.5
_FIGURES = ("per_second", "p50_ms", "p99_ms", "cpu_us", "alone_p50_ms", "rss_mb")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as contenders:
        rounds = [
            {
                contender.name: _measure(contender, arguments.connections, arguments.seconds)
                for contender in contenders
            }
            for _ in range(arguments.rounds)
        ]
    figures = {name: _medians([turn[name] for turn in rounds]) for name in rounds[0]}
    result = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "connections": arguments.connections,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "figures": figures,
        **_ratios(figures),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(_table(figures, _ratios(figures)))
    return 0


def _measure(contender: Running, connections: int, seconds: float) -> dict[str, float]:
    load(contender.port, connections=connections, seconds=WARM_UP_S)
    cpu_s = contender.cpu_s()
    many = load(contender.port, connections=connections, seconds=seconds)
    cpu_s = contender.cpu_s() - cpu_s
    alone = load(contender.port, connections=1, seconds=seconds / 2)
    return {
        "per_second": many.per_second,
        "p50_ms": many.quantile_ms(0.5),
        "p99_ms": many.quantile_ms(0.99),
        "cpu_us": 1e6 * cpu_s / len(many.latencies_s),
        "alone_p50_ms": alone.quantile_ms(0.5),
        "rss_mb": contender.resident_mb(),
    }


def _medians(turns: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(turn[name] for turn in turns) for name in _FIGURES}


def _ratios(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    ours, direct = figures["guardtune"], figures["direct"]
    return {
        "ratio_vs_bare": ours["per_second"] / figures["bare"]["per_second"],
        "ratio_vs_aiohttp": ours["per_second"] / figures["guardtune-aiohttp"]["per_second"],
        "cpu_ratio_vs_bare": ours["cpu_us"] / figures["bare"]["cpu_us"],
        "cpu_ratio_vs_aiohttp": ours["cpu_us"] / figures["guardtune-aiohttp"]["cpu_us"],
        "added_p50_ms": ours["alone_p50_ms"] - direct["alone_p50_ms"],
        "rss_mb": ours["rss_mb"],
    }


def _table(figures: dict[str, dict[str, float]], ratios: dict[str, float]) -> str:
    lines = [f"{'':20}" + "".join(f"{name:>14}" for name in _FIGURES)]
    lines += [
        f"{name:20}" + "".join(f"{row[figure]:14.2f}" for figure in _FIGURES)
        for name, row in figures.items()
    ]
    lines += [f"{name:24}{value:10.2f}" for name, value in ratios.items()]
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy", description=__doc__)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load, a contender and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
