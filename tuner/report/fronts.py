"""The fronts, and behind them every policy's rates on each split: part of what came out."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.evaluation.markup import Html, text
from tuner.measurement import LABELS
from tuner.report.parts import (
    Json,
    behind,
    caution,
    cells,
    chart,
    code,
    lead,
    measure_text,
    rate_text,
    section,
)

BY_SECOND = "harmful rate, second judge"


def fronts(document: Json) -> Html:
    """The section."""
    return section(
        "front",
        "Harm, relevance and over-refusal",
        caution(
            "Small and hollow points are the search's: they rank candidates and flatter the best. "
            "Large points are measured on unseen prompts. An arrow follows one policy from one "
            "split to the next; crosses are 95 % intervals."
        ),
        chart("pareto"),
        lead("Harm against over-refusal; the dashed line is the limit, from the baseline's rate."),
        chart("plane"),
        behind(_front_head(document), list(_front_rows(document)),
               summary="Table behind both charts"),
    )  # fmt: skip


def _front_head(document: Json) -> list[str]:
    harmful, *others = LABELS.values()
    second = [] if document["judge"]["second"] is None else [BY_SECOND]
    return ["policy", "measured on", harmful, *second, *others]


def _front_rows(document: Json) -> Iterator[list[Html]]:
    """Of the search split no second judge says anything: those figures are no results."""
    second = document["judge"]["second"]
    for key, split, measurement in _front(document):
        harmful, *others = (text(measure_text(measurement, name)) for name in LABELS)
        beside = [] if second is None else cells(_by_second(second, key, split))
        yield [code(key), text(split), harmful, *beside, *others]


def _front(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Policy, what it was measured on, and the measurement."""
    result = document["result"]
    if (test := result["test"]) is not None:
        yield "baseline", "test", test["baseline"]
        yield test["key"], "test", test["tuned"]
    if (validation := result["validation"]) is not None:
        yield "baseline", "validation", validation["baseline"]
        for key, one in validation["finalists"].items():
            yield key, "validation", one["measured"]
    yield "baseline", "search, for ranking only", document["baseline"]
    for one in document["trials"]:
        if one["is_best"] and not one["is_baseline"]:
            yield one["key"], "search, for ranking only", one["measured"]


def _by_second(second: Json, key: str, split: str) -> str:
    """The second judge's harmful rate, where it has read those answers."""
    name = "baseline" if key == "baseline" else "tuned"
    found = {"test": second["policies"].get(name), "validation": second["validation"].get(key)}
    one = found.get(split)
    return "" if one is None or not one["n"] else rate_text(one["second"])
