"""Limits in words: the same in the plan, at the start, in the report and on the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tuner.constraints import Constraint
from tuner.lagrangian import Handling

HANDLED: Mapping[Handling, str] = {
    "feasibility": "feasibility first: what is shown to break one loses to all that does not",
    "lagrangian": "by a budget: what a limit costs grows while the survivors break it",
}
"""What the plan says of how a search treats limits."""


def found_text(limit: Mapping[str, Any]) -> str:
    """How a policy stands to a limit, with the interval: ``+3.2 points [+1.0, +5.4]``.

    Args:
        limit: as :func:`tuner.measurement.compare` has it, measured.
    """
    value, low, high = limit["value"], limit["low"], limit["high"]
    match limit.get("unit", "share"):
        case "times":
            return f"{value:.2f} times [{low:.2f}, {high:.2f}]"
        case "tokens":
            return f"{value:.1f} tokens [{low:.1f}, {high:.1f}]"
        case _:
            return f"{100 * value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"


def asked_text(limit: Mapping[str, Any]) -> str:
    """What a limit asks for: ``at most 5 points``."""
    unit, bound = limit.get("unit", "share"), limit["limit"]
    amount = {
        "share": f"{100 * bound:g} points",
        "times": f"{bound:g} times the baseline's",
        "tokens": f"{bound:g} tokens",
    }
    return f"at {limit.get('side', 'most')} {amount[unit]}"


def shown_text(limit: Mapping[str, Any]) -> str:
    """What the interval says of it, beside the point estimate.

    Args:
        limit: as for :func:`found_text`.
    """
    if limit["is_violated"]:
        return "shown to be exceeded"
    return "shown" if limit["is_shown"] else "not shown at this n"


def broken_by_baseline(found: Iterable[Constraint]) -> Iterator[str]:
    """What to say before a search whose base policy breaks limits itself.

    Args:
        found: how the baseline stands to each limit, on the first prompts of the search split.
    """
    for one in found:
        if one.n and not one.is_met:
            how = "breaks" if one.is_violated else "seems to break"
            said = {
                "value": one.value, "low": one.interval.low, "high": one.interval.high,
                "limit": one.limit, "unit": one.unit, "side": one.side,
            }  # fmt: skip
            yield (
                f"The base policy itself {how} the limit on {one.name}: {found_text(said)}, "
                f"n = {one.n} of the search split, {asked_text(said)}. Nothing can be picked that "
                "does not do better; `--limit` sets another.\n"
            )
