"""Trains the embedded judge and writes its assets and its card; `make judge`.

Usage: python -m scripts.train_judge [--data ../shared/data]

Deterministic: the same data and the same scikit-learn give the same bytes. About five minutes on
one core. Needs the data sets that the card names, scikit-learn and the sentence encoder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proxy.judges.compliance import parse_head
from proxy.judges.embedded import EmbeddedJudge
from proxy.judges.relevance import INSTALL_ENCODER, Encoder, load_encoder
from scripts.judge_training import datasets
from scripts.judge_training.assess import choose_threshold, head_scores, hold_out
from scripts.judge_training.card import render
from scripts.judge_training.datasets import DataError, Row
from scripts.judge_training.examples import build_examples, seeded
from scripts.judge_training.fit import fit_head, fit_relevance, logit
from scripts.judge_training.fluency import fit_fluency
from scripts.judge_training.measure import Bench, measure

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "proxy" / "judges" / "assets"
CARD = ROOT / "docs" / "judges" / "embedded.md"
SEED = 20261128
RELEVANCE_PAIRS = 500
FAMILIES = ("gptfuzz", "jailbreakbench", "past-tense")


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
        print(f"{error}\nSources are listed in {CARD.relative_to(ROOT)}.", file=sys.stderr)
        return 2
    return 0


def train(data: Path, encoder: Encoder, *, with_card: bool) -> None:
    """Writes the three assets and, unless told otherwise, the card."""
    rows = load_rows(data)
    folds = {family: hold_out(family, rows, SEED) for family in FAMILIES}
    threshold = choose_threshold([head_scores(each) for each in folds.values()])
    print(f"threshold {threshold} from families held out", flush=True)
    sources = {source: datasets.fingerprint(data, source) for source in datasets.SOURCES}

    write_asset("fluency.json", fit_fluency(fluency_texts(data, rows)), sources)
    positives = [(row.prompt, row.answer) for row in rows if row.label]
    pairs = seeded(SEED).sample(positives, RELEVANCE_PAIRS)
    weights = fit_relevance(pairs, encoder, seeded(SEED))
    write_asset("relevance.json", {"weights": weights}, sources)
    document = fit_head(build_examples(rows, seeded(SEED)))
    document |= {"threshold": threshold, "shift": round(-logit(threshold), 4)}
    content = write_asset("compliance.json", document, sources)

    if not with_card:
        return
    head = parse_head(content)
    measured = measure(data, head, folds, threshold, Bench(encoder, seeded(SEED)))
    judge_id = EmbeddedJudge(head=head).judge_id
    CARD.parent.mkdir(parents=True, exist_ok=True)
    CARD.write_text(render(measured, sources, judge_id), encoding="utf-8")
    print(f"wrote {CARD.relative_to(ROOT)}")


def load_rows(data: Path) -> list[Row]:
    """All training rows, none twice; gptfuzz's evaluate split stays out."""
    rows = datasets.load_gptfuzz(data, datasets.GPTFUZZ_TRAIN)
    return datasets.unique(rows + datasets.load_artifacts(data) + datasets.load_past_tense(data))


def fluency_texts(data: Path, rows: Sequence[Row]) -> list[str]:
    """Prose for the fluency tables: answers to plain requests, and half of the legal ones."""
    legal = [answer for _, answer in datasets.load_legal_pairs(data)]
    fluent = [row.answer for row in rows if row.family != "gptfuzz" and row.answer.isascii()]
    return fluent + legal[: len(legal) // 2]


def write_asset(name: str, document: dict[str, Any], sources: dict[str, str]) -> bytes:
    """Writes one asset as compact JSON with its provenance; the bytes written."""
    document = {**document, "trained_on": sources}
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    ASSETS.mkdir(parents=True, exist_ok=True)
    (ASSETS / name).write_text(content + "\n", encoding="utf-8")
    print(f"wrote {name}, {len(content) // 1000} kB", flush=True)
    return (content + "\n").encode()


if __name__ == "__main__":
    raise SystemExit(main())
