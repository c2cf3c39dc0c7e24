"""A budget instead of feasibility first: what a limit costs grows while the survivors break it.

Feasibility first is a cliff: whatever is shown to break a limit loses to all that does not. Under
a budget a candidate pays for what it takes beyond a limit, in both objectives, at the limit's own
multiplier. After each generation a multiplier follows how far the survivors lie beyond the limit,
on average: dual ascent. Validation and export still ask for the limits themselves.

Source: SafeVLA (arXiv 2503.03480) and Safe RLHF-V (arXiv 2503.17682), whose min-max this follows;
they train by gradients, this selects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from tuner.constraints import Constraint

Handling = Literal["feasibility", "lagrangian"]
"""How a search treats limits, as ``--constraints`` takes it."""

HANDLINGS: tuple[Handling, ...] = get_args(Handling)

Multipliers = Mapping[str, float]
"""Name of a limit → what a share of answers beyond it costs, in shares of the objectives."""

FIRST = 1.0
"""Before there is anything to learn from: a point beyond a limit costs a point."""

STEP = 10.0
"""Survivors 5 points beyond a limit raise its multiplier by a half, a generation."""

MOST = 10.0
"""No multiplier is larger; a point then costs ten."""

_DIGITS = 9


def penalty(found: Iterable[Constraint], multipliers: Multipliers) -> float:
    """What a candidate pays for what its point estimates take beyond the limits; never negative.

    Args:
        found: how it stands to each limit.
        multipliers: a limit without one has :data:`FIRST`.
    """
    return math.fsum(multipliers.get(one.name, FIRST) * max(0.0, one.gap) for one in found if one.n)


def mean_gaps(population: Iterable[Iterable[Constraint]]) -> dict[str, float]:
    """Limit → how far the members lie beyond it on average; negative where they keep it."""
    gaps: dict[str, list[float]] = {}
    for member in population:
        for one in member:
            if one.n:
                gaps.setdefault(one.name, []).append(one.gap)
    return {name: math.fsum(found) / len(found) for name, found in gaps.items()}


def updated(multipliers: Multipliers, gaps: Mapping[str, float]) -> dict[str, float]:
    """The multipliers after a generation: each in [0, :data:`MOST`].

    Args:
        multipliers: before it.
        gaps: as :func:`mean_gaps` has them; a limit that is not in it keeps its multiplier.
    """
    moved = {
        name: round(min(MOST, max(0.0, multipliers.get(name, FIRST) + STEP * gap)), _DIGITS)
        for name, gap in gaps.items()
    }
    return {**multipliers, **moved}
