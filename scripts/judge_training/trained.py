"""Trains one head: its operating point on families held out, then its weights on all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.judges.cards import Card
from proxy.judges.embedded import HARMFUL
from scripts.judge_training import datasets
from scripts.judge_training.assess import Fold, choose_threshold, head_scores, hold_out
from scripts.judge_training.datasets import Row
from scripts.judge_training.examples import build_examples, seeded
from scripts.judge_training.fit import logit
from scripts.judge_training.measure import Bench, Labelled, held_out_scores, shifted
from scripts.judge_training.recipes import FAMILIES, Head, Recipe

SOURCES_OF = {
    "gptfuzz": (datasets.GPTFUZZ_TRAIN, datasets.GPTFUZZ_QUESTIONS),
    "jailbreakbench": (datasets.ARTIFACTS,),
    "past-tense": (datasets.PAST_TENSE,),
}


@dataclass(frozen=True, slots=True)
class Trained:
    """One head and what was found on the way.

    Args:
        head: as it ships.
        threshold: its raw operating point.
        folds: family → heads held out from it, at the operating point.
        judged: family → the whole judge's labels and scores on a sample, held out.
        card: the counts of `judged`, which the asset carries.
        sources: paths of its training data.
    """

    head: Head
    threshold: float
    folds: Mapping[str, Sequence[Fold]]
    judged: Mapping[str, Labelled]
    card: Card
    sources: Sequence[str]


def train_head(
    recipe: Recipe,
    rows: Sequence[Row],
    bench: Bench,
    *,
    seed: int,
    write: Callable[[str, dict[str, Any], Sequence[str]], bytes],
) -> Trained:
    """Chooses the operating point, counts the card, fits on all of the recipe's rows and writes.

    Args:
        recipe: which head.
        rows: of all families; those that the recipe leaves out only measure.
        bench: the judge around the head, for the card.
        seed: of the augmentation.
        write: (asset's name, document, sources) → the bytes written.
    """
    measured = [family for family in FAMILIES if recipe.families != (family,)]
    folds = {family: hold_out(recipe, family, rows, seed) for family in measured}
    threshold = choose_threshold([head_scores(each) for each in folds.values()])
    print(f"{recipe.name}: threshold {threshold} from families held out", flush=True)
    shift = round(-logit(threshold), 4)
    at_point = shifted(folds, shift)
    judged = held_out_scores(at_point, bench)
    errors = count(judged)
    document = recipe.fit(
        build_examples([row for row in rows if row.family in recipe.families], seeded(seed))
    )
    document |= {"threshold": threshold, "shift": shift, "card": _as_json(errors)}
    used = [path for family in recipe.families for path in SOURCES_OF[family]]
    head = recipe.parse(write(recipe.asset, document, used))
    return Trained(head, threshold, at_point, judged, errors, used)


def count(judged: Mapping[str, Labelled]) -> Card:
    """The whole judge's sensitivity and specificity over the held-out families together."""
    pairs = [pair for found in judged.values() for pair in zip(*found, strict=True)]
    hits = [score >= HARMFUL for label, score in pairs if label]
    passes = [score < HARMFUL for label, score in pairs if not label]
    return Card(
        sensitivity=(sum(hits), len(hits)),
        specificity=(sum(passes), len(passes)),
        set=f"answers of {', '.join(judged)}, each by a head that never saw the family, pooled",
    )


def _as_json(found: Card) -> dict[str, Any]:
    return {
        "sensitivity": list(found.sensitivity),
        "specificity": list(found.specificity),
        "set": found.set,
    }
