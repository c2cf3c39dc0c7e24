"""All that a report page shows, as JSON values: the page and its charts only lay it out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from proxy import __version__
from proxy.backends.config import EMBEDDED_MODEL
from proxy.errors import StoreError
from proxy.evaluation.figures import as_corrected, as_rate
from proxy.evaluation.judge_error import rogan_gladen
from proxy.evaluation.statistics import Rate
from proxy.evaluation.store import Written
from proxy.judges.cards import Card
from proxy.policy.source import dump_policy
from tuner.algorithms import ALGORITHMS
from tuner.config import RunConfig
from tuner.export import tuned_policy, why_not
from tuner.measurement import measure
from tuner.objectives import Results
from tuner.race import MINIMUM_SHARED
from tuner.record import Record
from tuner.report.ablation import ablation
from tuner.report.contrast import contrast
from tuner.report.facts import Facts, Reported, reported
from tuner.report.genealogy import ancestors, main_line, prompt_diff
from tuner.report.genes import Value
from tuner.report.health import health
from tuner.report.hypervolume import by_generation
from tuner.report.importance import LEAST_CANDIDATES, importance
from tuner.report.second import Opinion, beside
from tuner.report.text import as_json
from tuner.report.trials import funnel, trials
from tuner.report.writing import new_text, writing
from tuner.space import DEFAULT_SPACE

Json = dict[str, Any]

RANKED = ("harmful", "relevance", "over_refusal", "degenerate")
"""What genes are ranked by: the objectives, and what they cost."""


def as_document(
    facts: Facts,
    *,
    written: Sequence[Written] = (),
    second: Opinion | None = None,
    card: Card | None = None,
    with_texts: bool = False,
) -> Json:
    """Everything, without a prompt or an answer in it unless asked for.

    Args:
        facts: of the run.
        written: what the store took in for the run.
        second: another judge's verdicts on ``baseline`` and ``tuned`` of :func:`reported`.
        card: the first judge's measured errors.
        with_texts: whether to show the prompts on which the two policies differ.
    """
    record, shown = facts.record, reported(facts)
    rows = trials(facts)
    key = record.best_guess if shown is None else shown.key
    return {
        "version": __version__,
        "started": datetime.fromtimestamp(record.run.started_at, UTC).isoformat(timespec="seconds"),
        "result": as_json(record),
        "model": facts.identity["model"],
        "suites": list(record.config.suites),
        "most_tokens": record.config.tokens,
        "writer_calls": record.config.writer_calls,
        "judge_spec": record.config.judge,
        "limits": asdict(record.config.limits),
        "given": _given(record.config),
        "typed_limits": list(record.config.limits.typed()),
        "changed_limits": list(record.config.limits.changed()),
        "split": None if shown is None else shown.split,
        "key": key,
        "trials": rows,
        "baseline": measure(facts.of(facts.baseline, "search")),
        "hypervolume": by_generation(record),
        "funnel": funnel(record),
        "importance": _importance(rows),
        "ablation": None if key is None else _ablation(facts, key),
        "genealogy": None if key is None else _genealogy(facts, key),
        "writing": writing(facts, rows),
        "contrast": None if shown is None
        else contrast(shown.baseline, shown.tuned, second=second, with_texts=with_texts),
        "judge": _judge(facts, shown, second, card),
        "health": health(record, written, facts.counted) | {"unscored": facts.unscored},
        "policy": _policy(record),
        "why_not": why_not(record),
    }  # fmt: skip


def _given(config: RunConfig) -> list[str]:
    """Options that named something whose place is not recorded."""
    library = ALGORITHMS[config.algorithm].within(DEFAULT_SPACE.read_text(encoding="utf-8"))
    is_own_space = config.is_own_space
    is_own = {
        "--model": config.model != EMBEDDED_MODEL.model_dump(mode="json"),
        "--base": config.base is not None,
        "--space": config.space != library if is_own_space is None else is_own_space,
        "--writer": config.writer is not None,
    }
    return [option for option, is_set in is_own.items() if is_set]


def _importance(rows: Sequence[Mapping[str, Any]]) -> Json:
    """Of candidates that answered enough to be ranked at all."""
    known = [one for one in rows if one["measured"]["harmful"]["n"] >= MINIMUM_SHARED]
    genes = [one["genes"] for one in known]
    losses = {
        name: [_loss(name, one["measured"][name]["value"] or 0.0) for one in known]
        for name in RANKED
    }
    return {
        "n": len(known),
        "least": LEAST_CANDIDATES,
        **{
            name: [
                {
                    "gene": one.gene, "value": round(one.value, 4),
                    "low": round(one.interval.low, 4), "high": round(one.interval.high, 4),
                    "is_shown": one.is_shown,
                }
                for one in importance(genes, losses[name])
            ]
            for name in RANKED
        },
        "values": _by_value(known),
    }  # fmt: skip


def _loss(name: str, value: float) -> float:
    """Of costs the worst quarter is looked at: most candidates have none, so there is no best."""
    match name:
        case "harmful":
            return value
        case "relevance":
            return 1 - value
        case _:
            return -value


def _by_value(known: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Each value of each gene: candidates that have it, and their mean on each measure."""
    groups: dict[tuple[str, Value], list[Mapping[str, Any]]] = {}
    for one in known:
        for gene, value in one["genes"].items():
            groups.setdefault((gene, value), []).append(one["measured"])
    return [
        {
            "gene": gene, "value": value, "candidates": len(found),
            **{name: _mean([one[name]["value"] for one in found]) for name in RANKED},
        }
        for (gene, value), found in groups.items()
    ]  # fmt: skip


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(math.fsum(known) / len(known), 4) if known else None


def _ablation(facts: Facts, key: str) -> Json:
    path = ablation(facts, facts.candidates[key])
    return {
        "split": path.split,
        "differing": [asdict(change) for change in path.differing],
        "baseline": measure(facts.of(facts.baseline, path.split)),
        "steps": [
            {**asdict(step.change), "measured": measure(step.results)} for step in path.steps
        ],
        "alone": {gene: measure(results) for gene, results in path.alone.items()},
        "is_whole": path.is_whole,
        "missing": path.missing,
    }


def _genealogy(facts: Facts, key: str) -> Json | None:
    if not facts.has_origins:
        return None
    return {
        "tree": [
            {
                "key": one.candidate.key, "generation": one.generation, "lane": one.lane,
                **one.candidate.origin.as_json(),
                "harmful": measure(facts.of(one.candidate, "search"))["harmful"],
            }
            for one in ancestors(facts, key)
        ],
        "line": [
            {
                "key": step.child.key, "parent": step.parent.key,
                "is_inherited": step.is_inherited, "way": step.child.origin.way,
                "generation": facts.born[step.child.key],
                "harmful": measure(facts.of(step.child, "search"))["harmful"],
                "changed": [asdict(change) for change in step.changed],
                "diff": prompt_diff(step.parent.policy, step.child.policy),
                "written": new_text(facts, step.parent, step.child),
            }
            for step in main_line(facts, key)
        ],
        "whole": prompt_diff(facts.baseline.policy, facts.candidates[key].policy),
        "written": new_text(facts, facts.baseline, facts.candidates[key]),
    }  # fmt: skip


def _judge(facts: Facts, shown: Reported | None, second: Opinion | None, card: Card | None) -> Json:
    policies = {} if shown is None else shown.policies
    rates = {name: Rate(*_counts(results)) for name, results in policies.items()}
    errors = None
    if card is not None:
        sensitivity, specificity = Rate(*card.sensitivity), Rate(*card.specificity)
        errors = {
            "sensitivity": as_rate(sensitivity),
            "specificity": as_rate(specificity),
            "set": card.set,
            "corrected": {
                name: as_corrected(
                    rogan_gladen(rate, sensitivity=sensitivity, specificity=specificity)
                )
                for name, rate in rates.items()
            },
        }
    return {
        "id": facts.identity["judge"],
        "card": errors,
        "second": None if second is None or shown is None else beside(second, facts, shown),
    }  # fmt: skip


def _counts(results: Results) -> tuple[int, int]:
    found = measure(results)["harmful"]
    return found["k"], found["n"]


def _policy(record: Record) -> str | None:
    """The policy file that an export would write, forced or not."""
    try:
        return dump_policy(tuned_policy(record, force=True))
    except StoreError:
        return None
