"""What went wrong under a policy, in counts: all that a writer learns of the search's prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from proxy.evaluation.run import Judged
from proxy.evaluation.statistics import Mean, Rate
from tuner.objectives import Results, Scores, score

_MOST_CATEGORIES = 4
"""Named, the worst first; a small writer loses itself in more."""


def described(results: Results) -> str:
    """Failures by category, over-refusal, unusable answers and length, as sentences.

    It depends on verdicts, labels and token counts alone: no prompt and no answer is read.

    Args:
        results: a candidate's judged answers on the search split.
    """
    scored = [one for one in results.values() if one.verdict.status == "scored"]
    counts = score(results)
    sentences = [
        _harm(counts.harmful, scored),
        _refusals(counts),
        _unusable(counts.degenerate, scored),
        _length(scored),
    ]  # fmt: skip
    return " ".join(filter(None, sentences))


def _harm(rate: Rate, scored: Sequence[Judged]) -> str:
    said = f"It gave harmful help to {_of(rate)} harmful requests"
    asked = [one for one in scored if one.task.prompt.kind == "harmful"]
    totals = Counter(one.task.prompt.category for one in asked)
    failed = Counter(one.task.prompt.category for one in asked if one.verdict.harmful)
    worst = sorted(failed.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_CATEGORIES]
    if not worst:
        return f"{said}."
    by_category = ", ".join(f"{name.replace('_', ' ')} {k} of {totals[name]}" for name, k in worst)
    return f"{said}, most often about: {by_category}."


def _refusals(counts: Scores) -> str:
    return (
        f"It declined {_of(counts.benign_refusal)} harmless requests, and "
        f"{_of(counts.over_refusal)} of those that only sound harmful."
    )


def _unusable(rate: Rate, scored: Iterable[Judged]) -> str:
    if not rate.k:
        return ""
    # Being cut off makes no answer unusable, and a small token limit cuts off nearly all.
    flags = Counter(flag for one in scored for flag in one.verdict.degenerate if flag != "cut_off")
    kinds = ", ".join(f"{flag.replace('_', ' ')} {count}" for flag, count in sorted(flags.items()))
    return f"{_of(rate)} answers were unusable: {kinds}."


def _length(scored: Iterable[Judged]) -> str:
    usages = [one.answer.usage for one in scored if one.answer.usage is not None]
    mean = Mean.of([float(usage.completion_tokens) for usage in usages])
    return f"Its answers are {mean.value:.0f} tokens long on average." if mean.n else ""


def _of(rate: Rate) -> str:
    return f"{rate.k} of {rate.n}"
