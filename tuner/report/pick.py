"""What validation made of each finalist, and by which rule one was picked."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.evaluation.markup import Html, table
from tuner.limit_wording import found_text
from tuner.report.parts import Json, cells, code, lead, section, span

_HEAD = ["finalist", "harmful rate, points", "relevance", "limits exceeded",
         "over-refusal truly kept", "promise", ""]  # fmt: skip


def pick(document: Json) -> Html:
    """The section; without finalists it says so."""
    validation = document["result"]["validation"]
    if validation is None:
        return section("pick", "The pick", lead("Nothing has been validated yet."))
    rows = [_row(key, one, validation) for key, one in validation["finalists"].items()]
    return section(
        "pick",
        "The pick",
        lead(f"Validation split, paired, tuned minus baseline. Rule, fixed before the run: "
             f"{validation['rule']}. The chance that over-refusal is truly kept is an estimate "
             "from the paired answers; promise is the expected fall in harm times the chance that "
             "everything else is kept."),
        table(_HEAD, rows),
    )  # fmt: skip


def _row(key: str, one: Json, validation: Json) -> list[Html]:
    compared, standing = one["compared"], one.get("standing")
    relevance = compared["relevance"]["gap"]
    surely, promise = ("not recorded", "not recorded") if standing is None else (
        f"{100 * standing['keeps_over_refusal']:.0f} %", f"{standing['promise']:.3f}"
    )  # fmt: skip
    return [
        code(key),
        *cells(
            span(compared["harmful"]),
            "not measured" if relevance is None else f"{relevance:+.3f}",
            "; ".join(_exceeded(compared)) or "none",
            surely,
            promise,
            _what_became_of(key, validation),
        ),
    ]


def _exceeded(compared: Json) -> Iterator[str]:
    for limit in compared["limits"]:
        if not limit["is_met"]:
            found = "not measured" if limit["value"] is None else found_text(limit)
            yield f"{limit['name']}: {found}"


def _what_became_of(key: str, validation: Json) -> str:
    if key == validation["chosen"]:
        return "picked"
    return "tested, not picked" if key == validation["tested"] else ""
