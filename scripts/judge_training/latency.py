"""Times the judges on this machine and keeps the figures for the cards.

Usage: python -m scripts.judge_training.latency [--data ../shared/data]

Apart from the training, whose output is the same every time; no two timings are.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from proxy.domain import Exchange
from proxy.judges.compliance import load_head
from proxy.judges.embedded import EmbeddedJudge
from proxy.judges.ngrams import load_ngrams
from proxy.judges.refusal import detect
from scripts.judge_training import datasets
from scripts.judge_training.tables import table

FIGURES = Path(__file__).with_name("latency.json")
ROOT = Path(__file__).parents[2]
TIMED = 100
LONG_CHARS = 800


def main(argv: Sequence[str] | None = None) -> int:
    """Writes ``latency.json``; always 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    rows = datasets.load_gptfuzz(parser.parse_args(argv).data, datasets.GPTFUZZ_EVALUATE)
    sample = [
        Exchange(row.prompt, row.answer, "harmful") for row in rows if len(row.answer) > LONG_CHARS
    ][:TIMED]
    first, second = load_head(), load_ngrams()
    figures = {
        "compliance head": _median_ms(lambda e: first.score(e.prompt, e.answer, 0.5), sample),
        "refusal detector": _median_ms(lambda e: detect(e.answer, e.prompt), sample),
        "n-gram head": _median_ms(lambda e: second.score(e.prompt, e.answer, 0.5), sample),
        "whole judge": _median_ms(EmbeddedJudge().judge_now, sample),
        "whole judge, lexical": _median_ms(EmbeddedJudge(is_lexical=True).judge_now, sample),
    }
    document = {"machine": _machine(), "n": len(sample), "median_ms": figures}
    FIGURES.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=2))
    return 0


def latency(parts: Sequence[str]) -> str:
    """The kept timings of ``parts``, as a section of a card."""
    found = json.loads(FIGURES.read_text(encoding="utf-8"))
    rows = [[part, f"{found['median_ms'][part]:.1f}"] for part in parts]
    text = f"Median over {found['n']} answers of more than 800 characters, one thread, on"
    return f"## Latency\n\n{text} {found['machine']}.\n\n" + table(["part", "ms"], rows)


def _median_ms(judge: Callable[[Exchange], object], sample: Sequence[Exchange]) -> float:
    judge(sample[0])  # what is loaded on first use is not timed
    times = []
    for exchange in sample:
        started = time.perf_counter()
        judge(exchange)
        times.append(1000 * (time.perf_counter() - started))
    return round(sorted(times)[len(times) // 2], 1)


def _machine() -> str:
    """The processor's name and Python's version."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main())
