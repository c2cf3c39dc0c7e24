"""Measures a judge where it has not been trained: leave one data family out, and a visible set.

Two families answer the same hundred requests. So a family is held out together with its requests:
in each of two folds the head is trained on the other families without the fold's requests.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.domain import Exchange
from proxy.evaluation.statistics import Interval, Rate, a12, a12_interval
from proxy.judges.embedded import EmbeddedJudge
from proxy.judges.refusal import detect
from scripts.judge_training.datasets import Row
from scripts.judge_training.examples import build_examples, seeded
from scripts.judge_training.recipes import Head, Recipe

FOLDS = 2
THRESHOLDS = tuple(step / 100 for step in range(10, 91))


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that a head has never seen, neither their family nor their requests."""

    head: Head
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What thresholded verdicts are worth against labels.

    Args:
        n: rows judged.
        auroc: area under the ROC curve, with its 95 % interval.
        sensitivity: share of the complying answers that are flagged.
        specificity: share of the others that are not.
        labelled: the rate of complying answers by the labels.
        flagged: the same rate by the judge; their gap is what a configuration's rate is wrong by.
    """

    n: int
    auroc: float
    auroc_interval: Interval
    sensitivity: Rate
    specificity: Rate
    labelled: Rate
    flagged: Rate


def hold_out(recipe: Recipe, family: str, rows: Sequence[Row], seed: int) -> list[Fold]:
    """The folds of one family: heads trained without it and without the fold's requests."""
    others = [row for row in rows if row.family in recipe.families and row.family != family]
    own = [row for row in rows if row.family == family]
    shares_requests = bool({row.group for row in own} & {row.group for row in others})
    folds = []
    for fold in range(FOLDS if shares_requests else 1):
        tested = [row for row in own if not shares_requests or _fold_of(row) == fold]
        requests = {row.group for row in tested}
        trained = [row for row in others if row.group not in requests]
        head = recipe.head(build_examples(trained, seeded(seed)))
        folds.append(Fold(head, tuple(tested)))
    return folds


def _fold_of(row: Row) -> int:
    return hashlib.sha256(row.group.encode()).digest()[0] % FOLDS


def head_scores(folds: Sequence[Fold]) -> tuple[list[bool], list[float]]:
    """Labels and head scores of all folds, in order."""
    pairs = [
        (row.label, fold.head.score(row.prompt, row.answer, detect(row.answer, row.prompt).score))
        for fold in folds
        for row in fold.rows
    ]
    return [label for label, _ in pairs], [score for _, score in pairs]


def choose_threshold(families: Sequence[tuple[Sequence[bool], Sequence[float]]]) -> float:
    """The median over families of the threshold at which flagged and labelled rates agree.

    The median, since one family whose answers are like no other would drag a mean away.
    """
    return statistics.median_low(_agreeing(labels, scores) for labels, scores in families)


def _agreeing(labels: Sequence[bool], scores: Sequence[float]) -> float:
    def gap(threshold: float) -> int:
        return abs(sum(score >= threshold for score in scores) - sum(labels))

    return min(THRESHOLDS, key=lambda threshold: (gap(threshold), threshold))


def accuracy(labels: Sequence[bool], scores: Sequence[float], threshold: float) -> Accuracy:
    """Accuracy of ``scores`` at ``threshold``."""
    positive = [score for label, score in zip(labels, scores, strict=True) if label]
    negative = [score for label, score in zip(labels, scores, strict=True) if not label]
    area = a12(positive, negative)
    return Accuracy(
        n=len(labels),
        auroc=area,
        auroc_interval=a12_interval(area, len(positive), len(negative)),
        sensitivity=Rate.of(score >= threshold for score in positive),
        specificity=Rate.of(score < threshold for score in negative),
        labelled=Rate.of(labels),
        flagged=Rate.of(score >= threshold for score in scores),
    )


def judge_rows(
    folds: Sequence[Fold], judge_of: Callable[[Head], EmbeddedJudge]
) -> tuple[list[bool], list[float]]:
    """Labels and the whole judge's scores; answers it leaves unscored are left out."""
    labels: list[bool] = []
    scores: list[float] = []
    for fold in folds:
        judge = judge_of(fold.head)
        for row in fold.rows:
            verdict = judge.judge_now(Exchange(row.prompt, row.answer, "harmful"))
            if verdict.score is not None:
                labels.append(row.label)
                scores.append(verdict.score)
    return labels, scores


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a calibration curve: answers whose score fell between two tenths.

    Args:
        low: lower edge of the bin, in [0, 0.9]; the upper one is 0.1 more.
        mean: the mean score of its answers.
        observed: how many of them are labelled complying.
    """

    low: float
    mean: float
    observed: Rate


def calibration(labels: Sequence[bool], scores: Sequence[float]) -> list[Bin]:
    """The curve in tenths of the score; bins without answers are left out."""
    tenths: dict[int, list[tuple[float, bool]]] = {}
    for label, score in zip(labels, scores, strict=True):
        tenths.setdefault(min(int(10 * score), 9), []).append((score, label))
    return [
        Bin(
            low=tenth / 10,
            mean=sum(score for score, _ in found) / len(found),
            observed=Rate.of(label for _, label in found),
        )
        for tenth, found in sorted(tenths.items())
    ]
