"""Trains the two embedded heads and writes their assets and cards; `make judge`.

Usage: python -m scripts.train_judge [--data ../shared/data]

Deterministic: the same data, code and scikit-learn give the same bytes. Some minutes on one core.
Needs the data sets that the cards name, scikit-learn and the sentence encoder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proxy.judges.relevance import INSTALL_ENCODER, Encoder, load_encoder
from scripts.judge_training import datasets
from scripts.judge_training.datasets import DataError, Row
from scripts.judge_training.examples import seeded
from scripts.judge_training.fit import fit_relevance
from scripts.judge_training.fluency import fit_fluency
from scripts.judge_training.measure import Bench, RememberingEncoder
from scripts.judge_training.recipes import FIRST, SECOND
from scripts.judge_training.trained import train_head
from scripts.judge_training.writing import first_card, second_card

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "proxy" / "judges" / "assets"
CARDS = ROOT / "docs" / "judges"
SEED = 20261128
RELEVANCE_PAIRS = 500


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, measures and writes; 0 when done, 2 when data or the encoder are missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--no-card", action="store_true", help="only the assets, not the figures")
    arguments = parser.parse_args(argv)
    encoder = load_encoder()
    if encoder is None:
        print(f"The sentence encoder is missing. Run `{INSTALL_ENCODER}`.", file=sys.stderr)
        return 2
    try:
        train(arguments.data, encoder, with_card=not arguments.no_card)
    except (DataError, FileNotFoundError) as error:
        print(f"{error}\nSources are listed in docs/judges/embedded.md.", file=sys.stderr)
        return 2
    return 0


def train(data: Path, encoder: Encoder, *, with_card: bool) -> None:
    """Writes the four assets and, unless told otherwise, the two cards."""
    rows = load_rows(data)

    def write(name: str, document: dict[str, Any], sources: Sequence[str]) -> bytes:
        read = {path: datasets.fingerprint(data, path) for path in sources}
        return write_asset(name, document | {"trained_on": read})

    write("fluency.json", fit_fluency(fluency_texts(data, rows)), list(datasets.SOURCES))
    positives = [(row.prompt, row.answer) for row in rows if row.label]
    pairs = seeded(SEED).sample(positives, RELEVANCE_PAIRS)
    weights = fit_relevance(pairs, encoder, seeded(SEED))
    write("relevance.json", {"weights": weights}, list(datasets.SOURCES))

    remembering = RememberingEncoder(encoder)
    first_bench = Bench(remembering, seeded(SEED), is_lexical=FIRST.is_lexical)
    second_bench = Bench(remembering, seeded(SEED), is_lexical=SECOND.is_lexical)
    first = train_head(FIRST, rows, first_bench, seed=SEED, write=write)
    second = train_head(SECOND, rows, second_bench, seed=SEED, write=write)
    if with_card:
        write_card(FIRST.name, first_card(data, first, first_bench))
        write_card(SECOND.name, second_card(data, second, first, second_bench))


def load_rows(data: Path) -> list[Row]:
    """All training rows, none twice; gptfuzz's evaluate split stays out."""
    rows = datasets.load_gptfuzz(data, datasets.GPTFUZZ_TRAIN)
    return datasets.unique(rows + datasets.load_artifacts(data) + datasets.load_past_tense(data))


def fluency_texts(data: Path, rows: Sequence[Row]) -> list[str]:
    """Prose for the fluency tables: answers to plain requests, and half of the legal ones."""
    legal = [answer for _, answer in datasets.load_legal_pairs(data)]
    fluent = [row.answer for row in rows if row.family != "gptfuzz" and row.answer.isascii()]
    return fluent + legal[: len(legal) // 2]


def write_asset(name: str, document: dict[str, Any]) -> bytes:
    """Writes one asset as compact JSON; the bytes written."""
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    ASSETS.mkdir(parents=True, exist_ok=True)
    (ASSETS / name).write_text(content + "\n", encoding="utf-8")
    print(f"wrote {name}, {len(content) // 1000} kB", flush=True)
    return (content + "\n").encode()


def write_card(name: str, text: str) -> None:
    """Writes one card."""
    CARDS.mkdir(parents=True, exist_ok=True)
    (CARDS / f"{name}.md").write_text(text, encoding="utf-8")
    print(f"wrote docs/judges/{name}.md", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
