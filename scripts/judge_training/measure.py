"""Every figure of the judge's card, as data."""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from proxy.domain import Exchange
from proxy.evaluation.statistics import Rate
from proxy.judges import refusal
from proxy.judges.compliance import ComplianceHead
from proxy.judges.embedded import HARMFUL, EmbeddedJudge
from proxy.judges.relevance import Encoder
from scripts.judge_training import datasets, templates
from scripts.judge_training.assess import Accuracy, Fold, accuracy, head_scores, judge_rows
from scripts.judge_training.attacks import DISGUISES, Pair, shams
from scripts.judge_training.datasets import Row
from scripts.judge_training.examples import topic_of
from scripts.judge_training.fit import logit, swap

SAMPLE = 200
JUDGED = 600
TIMED = 100
LONG_CHARS = 800
REFUSAL_LABELS = Path(__file__).with_name("refusal_labels.csv")


@dataclass(frozen=True, slots=True)
class Benign:
    """What the whole judge says of ordinary answers to ordinary prompts."""

    n: int
    harmful: Rate
    refused: Rate
    degenerate: Rate
    relevant: Rate


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of the card, by the name of the set they were measured on.

    Args:
        threshold: the raw score chosen as operating point.
        heads: accuracy of the compliance head alone.
        judges: accuracy of the whole judge: head, relevance and flags.
        disguises: set → disguise → share of complying answers still flagged.
        shams: set → sham → share called harmful.
        benign: ordinary answers to ordinary prompts.
        refusals: sensitivity and specificity of full refusals, on answers labelled by hand.
        redirections: our safe redirections to harmful prompts, share called harmful.
        flags: set → flag → share of the set's answers on which it fires.
        relevance: set → (share of true pairs kept, share of swapped pairs kept), with the encoder.
        lexical: the same by words alone.
        latency_ms: part → median milliseconds an answer.
    """

    threshold: float
    heads: Mapping[str, Accuracy]
    judges: Mapping[str, Accuracy]
    disguises: Mapping[str, Mapping[str, Rate]]
    shams: Mapping[str, Mapping[str, Rate]]
    benign: Mapping[str, Benign]
    refusals: tuple[Rate, Rate]
    redirections: Rate
    flags: Mapping[str, Mapping[str, Rate]]
    relevance: Mapping[str, tuple[Rate, Rate]]
    lexical: Mapping[str, tuple[Rate, Rate]]
    latency_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """What the measurements share: the judges made of each head, and one source of chance."""

    encoder: Encoder
    rng: Random

    def judge(self, head: ComplianceHead, *, is_lexical: bool = False) -> EmbeddedJudge:
        """A whole judge around ``head``."""
        return EmbeddedJudge(head=head, encoder=self.encoder, is_lexical=is_lexical)


def measure(
    data: Path,
    head: ComplianceHead,
    held_out: Mapping[str, Sequence[Fold]],
    threshold: float,
    bench: Bench,
) -> Measured:
    """Measures the shipped head on the visible set, and the held-out heads on their families."""
    shift = -logit(threshold)
    sets: dict[str, list[Fold]] = {
        f"{family} (family held out)": [
            replace(f, head=replace(f.head, shift=shift)) for f in folds
        ]
        for family, folds in held_out.items()
    }
    visible = datasets.unique(datasets.load_gptfuzz(data, datasets.GPTFUZZ_EVALUATE))
    sets["gptfuzz evaluate (questions held out)"] = [Fold(head, tuple(visible))]
    law, lab = datasets.load_legal_pairs(data), datasets.load_lab_pairs(data)
    ordinary = law[len(law) // 2 :]  # the first half is in the fluency tables
    judge = bench.judge(head)
    return Measured(
        threshold=threshold,
        heads={name: accuracy(*head_scores(folds), HARMFUL) for name, folds in sets.items()},
        judges={name: _whole(bench, folds) for name, folds in sets.items()},
        disguises={name: _disguises(folds, bench) for name, folds in sets.items()},
        shams={
            name: _shams(folds, [a for _, a in ordinary], bench) for name, folds in sets.items()
        },
        benign={
            "legal questions": _benign(judge, bench.rng.sample(ordinary, SAMPLE)),
            "laboratory safety": _benign(judge, lab),
        },
        refusals=_refusals([row for folds in sets.values() for fold in folds for row in fold.rows]),
        redirections=_redirections(judge, visible, bench.rng),
        flags={
            **{
                name: _flags(judge, [r for f in folds for r in f.rows])
                for name, folds in sets.items()
            },
        },
        relevance={name: _gate(bench, folds, is_lexical=False) for name, folds in sets.items()},
        lexical={name: _gate(bench, folds, is_lexical=True) for name, folds in sets.items()},
        latency_ms=_latency(bench, head, [row for row in visible if len(row.answer) > LONG_CHARS]),
    )


def _sampled(folds: Sequence[Fold], rng: Random) -> list[Fold]:
    """The folds with at most `JUDGED` rows over all of them; the encoder takes 30 ms a row."""
    share = JUDGED // len(folds)
    return [replace(f, rows=tuple(rng.sample(f.rows, min(share, len(f.rows))))) for f in folds]


def _whole(bench: Bench, folds: Sequence[Fold]) -> Accuracy:
    return accuracy(*judge_rows(_sampled(folds, bench.rng), bench.encoder), HARMFUL)


def _refusals(rows: Sequence[Row]) -> tuple[Rate, Rate]:
    """Sensitivity and specificity of full refusals on the answers labelled by hand."""
    answers = {hashlib.sha256(row.answer.encode()).hexdigest(): row.answer for row in rows}
    with REFUSAL_LABELS.open(encoding="utf-8", newline="") as handle:
        labels = {line["answer_sha256"]: line["level"] for line in csv.DictReader(handle)}
    found = [(level, refusal.detect(answers[sha]).level) for sha, level in labels.items()]
    return (
        Rate.of(seen == "full" for level, seen in found if level == "full"),
        Rate.of(seen != "full" for level, seen in found if level != "full"),
    )


def _complying(folds: Sequence[Fold], rng: Random) -> list[tuple[Fold, list[Pair]]]:
    """A sample of the complying pairs of each fold, at most `SAMPLE` over all folds."""
    share = SAMPLE // len(folds)
    sampled = []
    for fold in folds:
        pairs = [(row.prompt, row.answer) for row in fold.rows if row.label]
        sampled.append((fold, rng.sample(pairs, min(share, len(pairs)))))
    return sampled


def _disguises(folds: Sequence[Fold], bench: Bench) -> dict[str, Rate]:
    outcomes: dict[str, list[bool]] = {name: [] for name in DISGUISES}
    for fold, pairs in _complying(folds, bench.rng):
        judge = bench.judge(fold.head)
        for name, disguise in DISGUISES.items():
            dressed = [(prompt, disguise(answer, bench.rng)) for prompt, answer in pairs]
            outcomes[name] += _harmful(judge, dressed)
    return {name: Rate.of(found) for name, found in outcomes.items()}


def _shams(folds: Sequence[Fold], unrelated: Sequence[str], bench: Bench) -> dict[str, Rate]:
    outcomes: dict[str, list[bool]] = {}
    for fold, pairs in _complying(folds, bench.rng):
        judge = bench.judge(fold.head)
        for name, fakes in shams(pairs, unrelated, bench.rng).items():
            outcomes.setdefault(name, []).extend(_harmful(judge, fakes))
    return {name: Rate.of(found) for name, found in outcomes.items()}


def _harmful(judge: EmbeddedJudge, pairs: Sequence[Pair]) -> list[bool]:
    verdicts = (judge.judge_now(Exchange(prompt, answer, "harmful")) for prompt, answer in pairs)
    return [bool(verdict.harmful) for verdict in verdicts]


def _benign(judge: EmbeddedJudge, pairs: Sequence[Pair]) -> Benign:
    verdicts = [judge.judge_now(Exchange(prompt, answer, "benign")) for prompt, answer in pairs]
    return Benign(
        n=len(verdicts),
        harmful=Rate.of(bool(verdict.harmful) for verdict in verdicts),
        refused=Rate.of(verdict.is_refusal for verdict in verdicts),
        degenerate=Rate.of(verdict.is_degenerate for verdict in verdicts),
        relevant=Rate.of((verdict.relevant or 0.0) >= HARMFUL for verdict in verdicts),
    )


def _redirections(judge: EmbeddedJudge, rows: Sequence[Row], rng: Random) -> Rate:
    prompts = rng.choices(sorted({row.prompt for row in rows}), k=SAMPLE)
    pairs = [(prompt, templates.safe_redirection(topic_of(prompt), rng)) for prompt in prompts]
    return Rate.of(_harmful(judge, pairs))


def _flags(judge: EmbeddedJudge, rows: Sequence[Row]) -> dict[str, Rate]:
    found = [judge.judge_now(Exchange(row.prompt, row.answer)).degenerate for row in rows]
    names = ("empty", "looping", "gibberish", "echo")
    return {name: Rate.of(name in flags for flags in found) for name in names}


def _gate(bench: Bench, folds: Sequence[Fold], *, is_lexical: bool) -> tuple[Rate, Rate]:
    judge = bench.judge(folds[0].head, is_lexical=is_lexical)
    pairs = [pair for _, sample in _complying(folds, bench.rng) for pair in sample]

    def kept(some: Sequence[Pair]) -> Rate:
        verdicts = (judge.judge_now(Exchange(prompt, answer, "benign")) for prompt, answer in some)
        return Rate.of((verdict.relevant or 0.0) >= HARMFUL for verdict in verdicts)

    return kept(pairs), kept(swap(pairs, bench.rng))


def _latency(bench: Bench, head: ComplianceHead, rows: Sequence[Row]) -> dict[str, float]:
    sample = [Exchange(row.prompt, row.answer, "harmful") for row in rows[:TIMED]]
    whole, lexical = bench.judge(head), bench.judge(head, is_lexical=True)
    return {
        "compliance head": _median_ms(lambda each: head.score(each.prompt, each.answer), sample),
        "whole judge, lexical": _median_ms(lexical.judge_now, sample),
        "whole judge": _median_ms(whole.judge_now, sample),
    }


def _median_ms(judge: Callable[[Exchange], object], sample: Sequence[Exchange]) -> float:
    times = []
    for exchange in sample:
        started = time.perf_counter()
        judge(exchange)
        times.append(1000 * (time.perf_counter() - started))
    return sorted(times)[len(times) // 2]
