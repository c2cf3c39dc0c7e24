"""Every candidate that a run has tried, as the search split shows it now, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.evaluation.figures import as_mean
from proxy.evaluation.statistics import Mean
from tuner.candidate import Candidate
from tuner.constraints import constraints, violation
from tuner.measurement import measure
from tuner.objectives import Results
from tuner.presets import Rung
from tuner.record import Record
from tuner.report.facts import Facts
from tuner.report.genes import UNSET, WRITTEN, Value, described
from tuner.search import UNAFFORDABLE
from tuner.writing.history import origin_of, summary

STAGES = ("dropped", "raced", "survived", "front", "qualifier", "finalist", "tested")
"""How far a candidate came, each further than the one before."""

BEST = frozenset(STAGES[STAGES.index("front") :])
"""Those of which a report shows more than that they were tried."""


def trials(facts: Facts) -> list[dict[str, Any]]:
    """Candidates as JSON values, the oldest first; for ranking only, never results."""
    stages = _stages(facts.record)
    baseline = facts.of(facts.baseline, "search")
    rows = []
    for key, candidate in facts.candidates.items():
        if results := facts.of(candidate, "search"):
            came_to = {"stage": stages[key], "is_best": stages[key] in BEST}
            rows.append(_trial(facts, candidate, results, baseline) | came_to)
    return rows


def _trial(
    facts: Facts, candidate: Candidate, results: Results, baseline: Results
) -> dict[str, Any]:
    found = constraints(results, baseline, facts.preset.limits)
    tokens = [one.answer.usage.completion_tokens for one in results.values() if one.answer.usage]
    return {
        "key": candidate.key,
        "generation": facts.born[candidate.key],
        "is_baseline": candidate.key == facts.baseline.key,
        "is_feasible": not violation(found),
        **candidate.origin.as_json(),
        "genes": described(candidate.genome, facts.space) | _text_gene(facts, candidate),
        "measured": measure(results),
        "tokens": as_mean(Mean.of([float(count) for count in tokens]))["value"],
    }


def _text_gene(facts: Facts, candidate: Candidate) -> dict[str, Value]:
    """The gene of a run with a writer, by operator: single texts are too many to be ranked."""
    if summary(facts.record) is None:
        return {}
    found = origin_of(facts.record, candidate.genome.written)
    return {WRITTEN: UNSET if found is None else found["operator"]}


def _stages(record: Record) -> dict[str, str]:
    """Candidate key → the furthest stage that it came to."""
    stages: dict[str, str] = {}
    front: list[str] = []
    for one in record.decisions:
        if one.kind == "generation":
            stages |= dict.fromkeys(one.body["candidates"], "dropped")
            stages |= dict.fromkeys(one.body["stayed"], "raced")
            stages |= {survivor["key"]: "survived" for survivor in one.body["survivors"]}
            front = one.body["front"]
    stages |= dict.fromkeys(front, "front")
    if (qualifying := record.find("qualifying")) is not None:
        stages |= dict.fromkeys(qualifying["qualifiers"], "qualifier")
    if (validation := record.find("validation")) is not None:
        stages |= dict.fromkeys(validation["finalists"], "finalist")
    if (tested := record.find("test")) is not None:
        stages[tested["key"]] = "tested"
    return stages


def funnel(record: Record) -> dict[str, Any]:
    """How many candidates came how far, and how many answers the race saved."""
    generations = list(_generations(record))
    return {
        "reached": [{"stage": name, "candidates": count} for name, count in _reached(record)],
        "bred": sum(one["bred"] for one in generations),
        "dropped_early": sum(one["dropped"] for one in generations),
        "reasons": record.dropped,
        "answers_saved": sum(one["saved"] for one in generations),
        "generations": generations,
    }


def _reached(record: Record) -> Iterator[tuple[str, int]]:
    bodies = [one.body for one in record.decisions if one.kind == "generation"]
    yield "tried", len({key for body in bodies for key in body["candidates"]})
    yield "kept in the race", len({key for body in bodies for key in body["stayed"]})
    yield "survived a selection", len({s["key"] for body in bodies for s in body["survivors"]})
    yield "on the last front", len(bodies[-1]["front"]) if bodies else 0
    if (qualifying := record.find("qualifying")) is not None:
        yield "had a longer look", len(qualifying["qualifiers"])
    validation = record.find("validation")
    yield "validated", 0 if validation is None else len(validation["finalists"])
    yield "tested", int(record.find("test") is not None)


def _generations(record: Record) -> Iterator[dict[str, Any]]:
    paced: Any = None
    whole = Rung(**(record.find("run") or {})["splits"]["search"])
    for one in record.decisions:
        if one.kind == "pace":
            paced = one.body
        elif one.kind == "generation":
            bred, stayed = len(one.body["candidates"]), len(one.body["stayed"])
            reasons = one.body.get("dropped", {}).values()
            beaten = sum(why not in UNAFFORDABLE for why in reasons)
            yield {
                "generation": one.body["number"],
                "bred": bred,
                "stayed": stayed,
                "dropped": beaten,
                "survived": len(
                    {s["key"] for s in one.body["survivors"]} & set(one.body["candidates"])
                ),
                "first": None if paced is None else Rung(*paced["first"]).prompts,
                "second": None if paced is None else Rung(*paced["second"]).prompts,
                "saved": 0 if paced is None else beaten * (
                    Rung(*paced["second"]).within(whole).prompts
                    - Rung(*paced["first"]).within(whole).prompts
                ),
            }  # fmt: skip
