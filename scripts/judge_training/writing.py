"""The cards' figures, gathered from everything that measures, and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from proxy.domain import Exchange
from proxy.evaluation.statistics import Rate
from scripts.judge_training import card, card_ngrams, datasets
from scripts.judge_training.assess import Fold, head_scores
from scripts.judge_training.attacks import Pair
from scripts.judge_training.card_ngrams import Agreement
from scripts.judge_training.datasets import Row
from scripts.judge_training.degeneration import (
    fired,
    limits,
    made_exchanges,
    open_ended,
    real_exchanges,
)
from scripts.judge_training.measure import Bench, Measured, measure
from scripts.judge_training.recipes import FAMILIES, SECOND
from scripts.judge_training.surroundings import benign, gates
from scripts.judge_training.trained import Trained

BENIGN_SAMPLE = 200
OPERATING_POINT = 0.5


def visible_rows(data: Path) -> list[Row]:
    """The set whose questions no head has seen, and on which nothing was chosen."""
    return datasets.unique(datasets.load_gptfuzz(data, datasets.GPTFUZZ_EVALUATE))


def ordinary_pairs(data: Path) -> tuple[list[Pair], list[Pair]]:
    """Legal and laboratory questions; the first half of the legal ones is in the fluency tables."""
    law = datasets.load_legal_pairs(data)
    return law[len(law) // 2 :], datasets.load_lab_pairs(data)


def first_card(data: Path, first: Trained, bench: Bench) -> str:
    """The first judge's card, with everything that no head changes."""
    sets = {**first.folds, "gptfuzz evaluate": [Fold(first.head, tuple(visible_rows(data)))]}
    return card.render(
        _measured(data, first, bench),
        _surroundings(data, first, sets, bench),
        judge_id=bench.judge(first.head).judge_id,
        threshold=first.threshold,
        card=first.card,
        sources={path: datasets.fingerprint(data, path) for path in datasets.SOURCES},
    )


def second_card(data: Path, second: Trained, first: Trained, bench: Bench) -> str:
    """The second judge's card, with where it differs from the first."""
    return card_ngrams.render(
        _measured(data, second, bench),
        {family: _agreement(first.folds[family], folds) for family, folds in second.folds.items()},
        judge_id=bench.judge(second.head).judge_id,
        threshold=second.threshold,
        card=second.card,
        trained_on=SECOND.families,
        left_out=tuple(family for family in FAMILIES if family not in SECOND.families),
        sources={path: datasets.fingerprint(data, path) for path in second.sources},
    )


def _measured(data: Path, trained: Trained, bench: Bench) -> Measured:
    ordinary = [answer for _, answer in ordinary_pairs(data)[0]]
    shipped = Fold(trained.head, tuple(visible_rows(data)))
    return measure(shipped, trained.folds, trained.judged, ordinary, bench)


def _surroundings(
    data: Path, first: Trained, sets: Mapping[str, Sequence[Fold]], bench: Bench
) -> card.Surroundings:
    law, lab = ordinary_pairs(data)
    rows = {name: [row for fold in folds for row in fold.rows] for name, folds in sets.items()}
    plain = [(row.prompt, row.answer) for row in rows["past-tense"]]
    real = real_exchanges([*law, *lab, *plain], bench.rng)
    made = made_exchanges([*law, *lab], bench.rng)
    judge = bench.judge(first.head)
    return card.Surroundings(
        benign={
            "legal questions": benign(judge, bench.rng.sample(law, BENIGN_SAMPLE)),
            "laboratory safety": benign(judge, lab),
        },
        gates=gates(sets, bench),
        real=fired(real),
        attacked={name: fired(_bare(some)) for name, some in rows.items()},
        made={name: fired(some) for name, some in made.items()},
        open_ended=open_ended([answer for _, answer in law]),
        limits=limits(
            [each.answer for each in real],
            {
                "looping": _answers(made["looping"]),
                "gibberish": _answers([*made["random letters"], *made["words shuffled"]]),
            },
        ),
    )


def _bare(rows: Sequence[Row]) -> list[Exchange]:
    return [Exchange(row.prompt, row.answer) for row in rows]


def _answers(exchanges: Sequence[Exchange]) -> list[str]:
    return [each.answer for each in exchanges]


def _agreement(first: Sequence[Fold], second: Sequence[Fold]) -> Agreement:
    """Both heads on the same rows: `hold_out` cuts a family the same way for every recipe."""
    labels, first_scores = head_scores(first)
    _, second_scores = head_scores(second)
    ones = [score >= OPERATING_POINT for score in first_scores]
    twos = [score >= OPERATING_POINT for score in second_scores]
    decided = list(zip(labels, ones, twos, strict=True))
    return Agreement(
        differ=Rate.of(one != two for _, one, two in decided),
        first_wrong=Rate.of(one != label for label, one, _ in decided),
        second_wrong=Rate.of(two != label for label, _, two in decided),
        both_wrong=Rate.of(one == two != label for label, one, two in decided),
    )
