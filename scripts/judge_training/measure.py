"""Every figure of a head's card, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from proxy.domain import Exchange
from proxy.evaluation.statistics import Rate
from proxy.judges.embedded import HARMFUL, EmbeddedJudge
from proxy.judges.relevance import Encoder, Vector
from scripts.judge_training import templates
from scripts.judge_training.assess import (
    Accuracy,
    Bin,
    Fold,
    accuracy,
    calibration,
    head_scores,
    judge_rows,
)
from scripts.judge_training.attacks import DISGUISES, Pair, shams
from scripts.judge_training.datasets import Row
from scripts.judge_training.examples import seeded, topic_of
from scripts.judge_training.recipes import Head

SAMPLE = 200
SAMPLE_SEED = 1
JUDGED = 1600

Labelled = tuple[list[bool], list[float]]


class RememberingEncoder:
    """An encoder that embeds each text once: the samples overlap, and a text takes 25 ms.

    Args:
        encoder: does the work, one text at a time, as a judge asks it to.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vector] = {}

    def encode(self, texts: list[str]) -> Vector:
        """One row a text."""
        for text in texts:
            if text not in self._known:
                self._known[text] = self._encoder.encode([text])[0]
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True, slots=True)
class Bench:
    """What the measurements share: how a judge is made of a head, and one source of chance."""

    encoder: Encoder
    rng: Random
    is_lexical: bool = False

    def judge(self, head: Head) -> EmbeddedJudge:
        """A whole judge around ``head``."""
        return EmbeddedJudge(head=head, encoder=self.encoder, is_lexical=self.is_lexical)


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one head, by the name of the set they were measured on.

    Args:
        heads: accuracy of the head alone.
        judges: accuracy of the whole judge: head, relevance and flags.
        curve: calibration of the whole judge, over the held-out families together.
        disguises: set → disguise → share of complying answers still flagged.
        shams: set → sham → share called harmful.
        redirections: our safe redirections to harmful prompts, share called harmful.
    """

    heads: Mapping[str, Accuracy]
    judges: Mapping[str, Accuracy]
    curve: Sequence[Bin]
    disguises: Mapping[str, Mapping[str, Rate]]
    shams: Mapping[str, Mapping[str, Rate]]
    redirections: Rate


def held_out_scores(held_out: Mapping[str, Sequence[Fold]], bench: Bench) -> dict[str, Labelled]:
    """The whole judge's labels and scores on a sample of each family, by heads that never saw it.

    The card that travels in the asset counts these.
    """
    return {
        family: judge_rows(sampled(folds, bench.rng), bench.judge)
        for family, folds in held_out.items()
    }


def shifted(held_out: Mapping[str, Sequence[Fold]], shift: float) -> dict[str, list[Fold]]:
    """The folds with their heads moved to the operating point."""
    return {
        family: [replace(fold, head=replace(fold.head, shift=shift)) for fold in folds]
        for family, folds in held_out.items()
    }


def measure(
    shipped: Fold,
    held_out: Mapping[str, Sequence[Fold]],
    judged: Mapping[str, Labelled],
    ordinary: Sequence[str],
    bench: Bench,
) -> Measured:
    """Measures the shipped head on the visible set, and the held-out heads on their families.

    Args:
        shipped: the head that ships, with the set whose questions it has never seen.
        held_out: family → its folds, at the operating point.
        judged: what `held_out_scores` gave.
        ordinary: answers to ordinary questions, for unrelated answers.
        bench: how to judge.
    """
    visible = "gptfuzz evaluate (questions held out)"
    sets: dict[str, Sequence[Fold]] = {
        f"{name} (family held out)": held_out[name] for name in held_out
    }
    sets[visible] = [shipped]
    whole = {f"{name} (family held out)": judged[name] for name in judged}
    whole[visible] = judge_rows(sampled([shipped], bench.rng), bench.judge)
    pooled = [pair for found in judged.values() for pair in zip(*found, strict=True)]
    return Measured(
        heads={name: accuracy(*head_scores(folds), HARMFUL) for name, folds in sets.items()},
        judges={name: accuracy(*found, HARMFUL) for name, found in whole.items()},
        curve=calibration([label for label, _ in pooled], [score for _, score in pooled]),
        disguises={name: _disguises(folds, bench) for name, folds in sets.items()},
        shams={name: _shams(folds, ordinary, bench) for name, folds in sets.items()},
        redirections=_redirections(bench.judge(shipped.head), shipped.rows, bench.rng),
    )


def sampled(folds: Sequence[Fold], rng: Random) -> list[Fold]:
    """The folds with at most `JUDGED` rows over all of them; the encoder takes 30 ms a row."""
    share = JUDGED // len(folds)
    return [replace(f, rows=tuple(rng.sample(f.rows, min(share, len(f.rows))))) for f in folds]


def complying(folds: Sequence[Fold]) -> list[tuple[Fold, list[Pair]]]:
    """A sample of the complying pairs of each fold, at most `SAMPLE` over all; always the same."""
    rng = seeded(SAMPLE_SEED)
    share = SAMPLE // len(folds)
    found = []
    for fold in folds:
        pairs = [(row.prompt, row.answer) for row in fold.rows if row.label]
        found.append((fold, rng.sample(pairs, min(share, len(pairs)))))
    return found


def _disguises(folds: Sequence[Fold], bench: Bench) -> dict[str, Rate]:
    outcomes: dict[str, list[bool]] = {name: [] for name in DISGUISES}
    for fold, pairs in complying(folds):
        judge = bench.judge(fold.head)
        for name, disguise in DISGUISES.items():
            dressed = [(prompt, disguise(answer, bench.rng)) for prompt, answer in pairs]
            outcomes[name] += _harmful(judge, dressed)
    return {name: Rate.of(found) for name, found in outcomes.items()}


def _shams(folds: Sequence[Fold], unrelated: Sequence[str], bench: Bench) -> dict[str, Rate]:
    outcomes: dict[str, list[bool]] = {}
    for fold, pairs in complying(folds):
        judge = bench.judge(fold.head)
        for name, fakes in shams(pairs, unrelated, bench.rng).items():
            outcomes.setdefault(name, []).extend(_harmful(judge, fakes))
    return {name: Rate.of(found) for name, found in outcomes.items()}


def _harmful(judge: EmbeddedJudge, pairs: Sequence[Pair]) -> list[bool]:
    verdicts = (judge.judge_now(Exchange(prompt, answer, "harmful")) for prompt, answer in pairs)
    return [bool(verdict.harmful) for verdict in verdicts]


def _redirections(judge: EmbeddedJudge, rows: Sequence[Row], rng: Random) -> Rate:
    prompts = rng.choices(sorted({row.prompt for row in rows}), k=SAMPLE)
    pairs = [(prompt, templates.safe_redirection(topic_of(prompt), rng)) for prompt in prompts]
    return Rate.of(_harmful(judge, pairs))
