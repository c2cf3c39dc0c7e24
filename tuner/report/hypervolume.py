"""How much of the two objectives the front of each generation dominates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.evaluation.statistics import Rate
from tuner.hypervolume import hypervolume
from tuner.record import Record

_ROUNDED = 6


def by_generation(record: Record) -> list[dict[str, Any]]:
    """Each generation's hypervolume as it was known then, beside what it had cost.

    ``raw`` takes point estimates and ``pessimistic`` the bounds that the search compares by, both
    of feasible survivors on search prompts. Tokens and bounds are None in journals that lack them.
    """
    return list(_generations(record))


def _generations(record: Record) -> Iterator[dict[str, Any]]:
    current: dict[str, Any] | None = None
    for one in record.decisions:
        if one.kind == "generation":
            current = {"generation": one.body["number"], **_volumes(one.body["survivors"])}
        elif one.kind == "stop" and current is not None:
            spent = {"tokens": one.body.get("tokens"), "elapsed_s": one.body["elapsed_s"]}
            yield current | spent
            current = None


def _volumes(survivors: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    feasible = [one for one in survivors if not one["violation"]]
    raw = [
        (Rate(*one["harmful"]).value, one["relevance"][0])
        for one in feasible
        if one["harmful"][1] and one["relevance"][0] is not None
    ]
    bounds = [one["bounds"] for one in feasible if "bounds" in one]
    pessimistic = None if len(bounds) < len(feasible) else hypervolume(bounds)
    return {
        "raw": round(hypervolume(raw), _ROUNDED),
        "pessimistic": None if pessimistic is None else round(pessimistic, _ROUNDED),
    }
