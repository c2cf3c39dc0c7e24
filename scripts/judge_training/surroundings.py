"""What a judge says besides compliance, and which no head changes: relevance and refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.domain import Exchange
from proxy.evaluation.statistics import Rate
from proxy.judges.embedded import HARMFUL, EmbeddedJudge
from proxy.judges.relevance import Relevance, load_calibration
from scripts.judge_training.assess import Fold
from scripts.judge_training.attacks import Pair
from scripts.judge_training.fit import swap
from scripts.judge_training.measure import Bench, complying


@dataclass(frozen=True, slots=True)
class Benign:
    """What the whole judge says of ordinary answers to ordinary prompts."""

    n: int
    harmful: Rate
    refused: Rate
    degenerate: Rate
    relevant: Rate


def benign(judge: EmbeddedJudge, pairs: Sequence[Pair]) -> Benign:
    """Judges (question, good answer) pairs that have nothing to do with harm."""
    verdicts = [judge.judge_now(Exchange(prompt, answer, "benign")) for prompt, answer in pairs]
    return Benign(
        n=len(verdicts),
        harmful=Rate.of(bool(verdict.harmful) for verdict in verdicts),
        refused=Rate.of(verdict.is_refusal for verdict in verdicts),
        degenerate=Rate.of(verdict.is_degenerate for verdict in verdicts),
        relevant=Rate.of((verdict.relevant or 0.0) >= HARMFUL for verdict in verdicts),
    )


@dataclass(frozen=True, slots=True)
class Gate:
    """Shares of answers whose relevance is at least 0.5: for their own prompt, for another's."""

    true: Rate
    swapped: Rate
    lexical_true: Rate
    lexical_swapped: Rate


def gates(sets: Mapping[str, Sequence[Fold]], bench: Bench) -> dict[str, Gate]:
    """The relevance gate on complying answers of each set, with the encoder and by words alone."""
    both = (
        Relevance(bench.encoder, load_calibration()),
        Relevance(None, load_calibration()),
    )
    found = {}
    for name, folds in sets.items():
        pairs = [pair for _, some in complying(folds) for pair in some]
        swapped = swap(pairs, bench.rng)
        rates = [_kept(each, some) for each in both for some in (pairs, swapped)]
        found[name] = Gate(*rates)
    return found


def _kept(relevance: Relevance, pairs: Sequence[Pair]) -> Rate:
    return Rate.of(relevance.score(prompt, answer) >= HARMFUL for prompt, answer in pairs)
