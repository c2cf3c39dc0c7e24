"""An evaluation as JSON values: what the file holds, and what text, page and gates are made from.

Every rate has its n and its 95 % interval. Where a prompt set is not whole there is no overall rate
on it: ``rates`` is null, and what remains are categories and paired comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.domain import Prompt
from proxy.evaluation.bench import Fact
from proxy.evaluation.comparison import Comparison, Discordant, compare, holm_over_policies
from proxy.evaluation.figures import as_corrected, as_gap, as_mean, as_rate, as_score_gap, known
from proxy.evaluation.judge_error import audited_rate, rogan_gladen
from proxy.evaluation.measures import (
    HARMFUL,
    MEASURES,
    RELEVANCE,
    SECOND,
    UNSCORED,
    Measure,
    cost,
    disagreement,
    labels,
    rate,
    relevance,
    why_unscored,
)
from proxy.evaluation.statistics import Rate
from proxy.judges.cards import Card
from proxy.judges.cascade import Tally
from proxy.judges.embedded import BY_REFUSAL
from proxy.policy.schema import Policy
from proxy.suites.ordering import content_hash
from proxy.suites.suite import Suite

FORMAT = "guardtune-eval/1"

UNSCORED_LIMIT = 0.02
"""Above this share of unscored answers a rate says little; the report warns."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What was measured with.

    Args:
        model: served name.
        model_sha256: identity of weights and configuration.
        judges: ids, the first one's verdicts are the result.
        card: the first judge's measured errors; None where it has no card.
        suites: as loaded, each by itself.
        split: which part of them.
        prompts: those that were asked.
        seed: of sampling, of prompts and of answers.
        max_tokens: asked for.
        version: of GuardTune.
        created: ISO 8601.
        elapsed_s: of this session.
        tally: what a cascade did in this session, for its audit; None for other judges.
    """

    model: str
    model_sha256: str
    judges: tuple[str, ...]
    card: Card | None
    suites: tuple[Suite, ...]
    split: str
    prompts: tuple[Prompt, ...]
    seed: int
    max_tokens: int
    version: str
    created: str
    elapsed_s: float
    tally: Tally | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """One policy and its answers.

    Args:
        policy: as loaded.
        source: where from, as the user typed it.
        facts: of the prompts that were answered.
        ignored: settings that the backend cannot honour.
    """

    policy: Policy
    source: str
    facts: tuple[Fact, ...]
    ignored: tuple[str, ...] = ()


def as_json(setting: Setting, subjects: Sequence[Subject], *, with_texts: bool = False) -> Json:
    """The whole result.

    Args:
        setting: what was measured with.
        subjects: the policies, the first of them the baseline of comparisons.
        with_texts: whether prompts and answers stand where two policies differ.
    """
    policies = [_policy(subject, setting) for subject in subjects]
    baseline = _by_prompt(subjects[0])
    others = subjects[1:]
    compared = [compare(_by_prompt(subject), baseline) for subject in others]
    corrected = holm_over_policies(compared)
    return {
        "format": FORMAT,
        **_header(setting),
        "policies": policies,
        "comparisons": [
            {
                "policy": str(subject.policy.ref),
                "baseline": str(subjects[0].policy.ref),
                **_comparison(comparison, p_values, with_texts=with_texts),
            }
            for subject, comparison, p_values in zip(others, compared, corrected, strict=True)
        ],
        "choices": [],
        "warnings": [*_warnings(setting, subjects, policies)],
    }


def _header(setting: Setting) -> Json:
    kinds = [prompt.kind for prompt in setting.prompts]
    card = setting.card
    return {
        "version": setting.version,
        "created": setting.created,
        "elapsed_s": round(setting.elapsed_s, 1),
        "model": {"name": setting.model, "sha256": setting.model_sha256},
        "judge": {
            "id": setting.judges[0],
            "card": None if card is None else {
                "sensitivity": as_rate(Rate(*card.sensitivity)),
                "specificity": as_rate(Rate(*card.specificity)),
                "set": card.set,
            },
            "audit": _audit(setting.tally),
        },
        "second_judge": setting.judges[SECOND] if len(setting.judges) > SECOND else None,
        "suites": [_suite(suite) for suite in setting.suites],
        "is_partial": any(suite.is_partial for suite in setting.suites),
        "split": setting.split,
        "prompts": {
            "harmful": kinds.count("harmful"),
            "benign": kinds.count("benign"),
            "lookalike": sum(prompt.is_lookalike for prompt in setting.prompts),
        },
        "seed": setting.seed,
        "max_tokens": setting.max_tokens,
    }  # fmt: skip


def _audit(tally: Tally | None) -> Json | None:
    """What the strong judge of a cascade would have found, all policies together."""
    if tally is None or not tally.scored:
        return None
    shares = {"scored": tally.scored, "audited": tally.audited, "strong_share": tally.strong_share}
    return as_corrected(audited_rate(tally)) | shares


def _suite(suite: Suite) -> Json:
    return {
        "id": suite.id, "sha256": suite.sha256, "licence": suite.licence, "rows": suite.n_rows,
        "published_rows": suite.published_n, "is_partial": suite.is_partial,
    }  # fmt: skip


def _policy(subject: Subject, setting: Setting) -> Json:
    """One policy's figures; none overall where a set is not whole."""
    facts = subject.facts
    partial = {suite.id for suite in setting.suites if suite.is_partial}
    of_suite = {
        suite.id: [fact for fact in facts if fact.task.prompt.suite == suite.id]
        for suite in setting.suites
    }
    categories = dict.fromkeys(sorted(prompt.category for prompt in setting.prompts))
    spent = cost(facts)
    return {
        "name": subject.policy.name,
        "ref": str(subject.policy.ref),
        "source": subject.source,
        "ignored": list(subject.ignored),
        "answered": len(facts),
        "missing": len(setting.prompts) - len(facts),
        "rates": None if partial else _rates(facts, setting),
        "by_suite": {
            name: None if name in partial else _rates(some, setting)
            for name, some in of_suite.items()
        },
        "by_category": {
            category: _rates([f for f in facts if f.task.prompt.category == category], setting)
            for category in categories
        },
        "unscored": as_rate(rate(UNSCORED, facts)),
        "unscored_reasons": why_unscored(facts),
        "labels": labels(facts),
        "cost": {
            "answers": spent.answers,
            "prompt_tokens": spent.prompt_tokens,
            "completion_tokens": spent.completion_tokens,
            "longest": spent.longest,
            "median_ms": known(spent.median_ms, 1),
            "p95_ms": known(spent.p95_ms, 1),
        },
    }


def _rates(facts: Sequence[Fact], setting: Setting) -> Json:
    """Every measure, the second judge's beside it; then the means."""
    figures = {measure.name: _figure(measure, facts, setting) for measure in MEASURES}
    means = {name: as_mean(relevance(kind, facts)) for name, (_, kind) in RELEVANCE.items()}
    return figures | means


def _figure(measure: Measure, facts: Sequence[Fact], setting: Setting) -> Json:
    found = rate(measure, facts)
    figure = as_rate(found)
    if measure is HARMFUL and setting.card is not None:
        sensitivity, specificity = Rate(*setting.card.sensitivity), Rate(*setting.card.specificity)
        corrected = rogan_gladen(found, sensitivity=sensitivity, specificity=specificity)
        figure["corrected"] = as_corrected(corrected)
    if measure.is_opinion and len(setting.judges) > SECOND:
        figure["second"] = as_rate(rate(measure, facts, SECOND))
        if measure is not UNSCORED:
            figure["disagreement"] = as_rate(disagreement(measure, facts))
    return figure


def _by_prompt(subject: Subject) -> dict[str, Fact]:
    return {fact.task.prompt.id: fact for fact in subject.facts}


def _comparison(comparison: Comparison, holm: Mapping[str, float], *, with_texts: bool) -> Json:
    names = [gap.measure.name for gap in comparison.rates]
    return {
        "rates": {
            name: as_gap(gap, holm.get(name))
            for name, gap in zip(names, comparison.rates, strict=True)
        },
        "scores": {gap.name: as_score_gap(gap, holm.get(gap.name)) for gap in comparison.scores},
        "discordant": [_discordant(one, with_texts=with_texts) for one in comparison.discordant],
    }


def _discordant(one: Discordant, *, with_texts: bool) -> Json:
    prompt = one.policy.task.prompt
    body = {
        "measure": one.measure.name, "prompt": prompt.id, "suite": prompt.suite,
        "category": prompt.category, "kind": prompt.kind, "is_worse": one.is_worse,
        "words": len(prompt.text.split()),
    }  # fmt: skip
    if with_texts:
        body |= {
            "text": prompt.text, "policy_answer": one.policy.answer.text,
            "baseline_answer": one.baseline.answer.text,
        }  # fmt: skip
    return body


def _warnings(
    setting: Setting, subjects: Sequence[Subject], policies: Sequence[Json]
) -> Iterable[str]:
    for suite in setting.suites:
        if why := suite.headline_refusal:
            yield why
    for subject, figures in zip(subjects, policies, strict=True):
        name = subject.policy.name
        if subject.ignored:
            yield f"{name}: this backend does not honour {', '.join(subject.ignored)}."
        if figures["missing"]:
            yield f"{name}: {figures['missing']} of {len(setting.prompts)} answers are missing."
        if (figures["unscored"]["value"] or 0.0) > UNSCORED_LIMIT:
            found = figures["unscored"]
            yield (
                f"{name}: {found['k']} of {found['n']} answers are unscored, more than "
                f"{100 * UNSCORED_LIMIT:.0f} %; they are in no other rate. "
                f"{_most_frequent(figures['unscored_reasons'])}"
            )
        if count := figures["labels"].get(BY_REFUSAL, 0):
            yield (
                f"{name}: {count} answers, in Chinese or Vietnamese, are judged {BY_REFUSAL}: all "
                "that do not decline count as harmful, and the judge's card does not hold for them."
            )
        if found_on := _tuned_on(subject.policy, setting):
            yield f"{name} was tuned on {found_on}, so its figures here may flatter it."


def _most_frequent(reasons: Mapping[str, int]) -> str:
    reason, count = next(iter(reasons.items()))
    return (
        f"{count} of them: {reason}. Where the judge can be mended, the same command asks it about "
        "them again."
    )


def _tuned_on(policy: Policy, setting: Setting) -> str | None:
    """The suite that the tuner searched on, where these prompts may be those."""
    origin = policy.provenance
    if origin is None or origin.suite is None or setting.split in {"test", "probe"}:
        return None
    hashes = [suite.sha256 for suite in setting.suites]
    measured = {*hashes, content_hash(*hashes)}
    # A combination has one hash for all of its suites: which they were only its name tells.
    names = origin.suite.name.split("+")
    is_part = len(names) > 1 and any(suite.id in names for suite in setting.suites)
    return origin.suite.name if is_part or origin.suite.sha256 in measured else None
