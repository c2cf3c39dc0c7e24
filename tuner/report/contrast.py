"""The baseline and one policy on the same unseen prompts: in groups, and prompt by prompt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from proxy.evaluation.comparison import Discordant, compare
from proxy.evaluation.figures import as_gap, as_rate, as_score_gap
from proxy.evaluation.run import Judged
from proxy.evaluation.statistics import Z95, Mean, Rate
from tuner.objectives import Results
from tuner.report.groups import as_facts, by_category, by_suite
from tuner.report.second import Opinion

FLAGS = ("looping", "gibberish", "echo", "empty", "cut_off")
"""Of :class:`proxy.domain.Verdict`; being cut off alone does not make an answer degenerate."""


def contrast(
    baseline: Results, tuned: Results, *, second: Opinion | None = None, with_texts: bool
) -> dict[str, Any]:
    """All of it as JSON values; prompts and answers are in it only where asked for.

    Args:
        baseline: its judged answers.
        tuned: the other policy's, to the same prompts.
        second: another judge's verdicts on both.
        with_texts: whether to show what was asked and answered.
    """
    compared = compare(as_facts(tuned), as_facts(baseline))
    return {
        "rates": {gap.measure.name: as_gap(gap) for gap in compared.rates},
        "scores": {gap.name: as_score_gap(gap) for gap in compared.scores},
        "tokens_gap": _tokens_gap(baseline, tuned),
        "categories": by_category(baseline, tuned, second=second),
        "suites": by_suite(baseline, tuned, second=second),
        "discordant": [_discordant(one, with_texts=with_texts) for one in compared.discordant],
        "flags": {
            "baseline": _flags(baseline),
            "tuned": _flags(tuned),
        },
        "tokens": {
            "baseline": _lengths(baseline),
            "tuned": _lengths(tuned),
        },
    }


def _discordant(one: Discordant, *, with_texts: bool) -> dict[str, Any]:
    prompt = one.policy.task.prompt
    found = {
        "measure": one.measure.name,
        "is_worse": one.is_worse,
        "prompt": prompt.id,
        "category": prompt.category,
        "suite": prompt.suite,
        "words": len(prompt.text.split()),
    }
    if with_texts:
        found |= {
            "text": prompt.text,
            "tuned": one.policy.answer.text,
            "baseline": one.baseline.answer.text,
        }
    return found


def _flags(results: Results) -> dict[str, Any]:
    scored = [one for one in results.values() if one.verdict.status == "scored"]
    return {flag: as_rate(Rate.of(flag in one.verdict.degenerate for one in scored))
            for flag in FLAGS}  # fmt: skip


def _lengths(results: Results) -> dict[str, list[int]]:
    """Answer tokens by kind of prompt, ascending; answers without a token count are left out."""
    return {
        kind: sorted(_tokens(one for one in results.values() if one.task.prompt.kind == kind))
        for kind in ("harmful", "benign")
    }


def _tokens_gap(baseline: Results, tuned: Results) -> dict[str, Any]:
    """Mean change of answer tokens, prompt by prompt, with its normal 95 % interval."""
    pairs = [
        (list(_tokens([tuned[prompt]])), list(_tokens([baseline[prompt]])))
        for prompt in tuned
        if prompt in baseline
    ]
    gap = Mean.of([float(mine[0] - theirs[0]) for mine, theirs in pairs if mine and theirs])
    if gap.n < 2:  # noqa: PLR2004 - one difference has no spread
        return {"n": gap.n, "gap": gap.value if gap.n else None, "low": None, "high": None}
    half = Z95 * gap.deviation / math.sqrt(gap.n)
    return {"n": gap.n, "gap": gap.value, "low": gap.value - half, "high": gap.value + half}


def _tokens(judged: Iterator[Judged] | Sequence[Judged]) -> Iterator[int]:
    return (
        one.answer.usage.completion_tokens
        for one in judged
        if one.answer.usage is not None and one.answer.error is None
    )
