"""Brings a policy's rules within the ranges that a backend takes.

Servers differ in more than names: TGI refuses a `top_p` of 1, Anthropic a temperature above 1, and
such a server would turn away every request for one number in a policy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.policy.rules import Clamp, Default, Enforce, Rule

Range = tuple[float, float]
"""The lowest and the highest number that a backend takes; of a list, how many entries."""

ANY: Range = (-math.inf, math.inf)
"""Of a setting whose range is the policy's own."""


def fitted(rule: Rule, within: Range) -> Rule:
    """The rule with its values moved to the nearest ones that the backend takes."""
    match rule:
        case Enforce(value=value):
            return Enforce(nearest(value, within))
        case Default(value=value):
            return Default(nearest(value, within))
        case Clamp(minimum=low, maximum=high, default=default):
            ends = (low, high, default)
            return Clamp(*(None if end is None else nearest(end, within) for end in ends))


def holds(rule: Rule, made: Rule) -> bool:
    """Whether all that ``rule`` promises is kept by what :func:`fitted` made of it.

    Narrower limits keep it, since they let nothing through that the policy would stop.
    """
    if not isinstance(rule, Clamp) or not isinstance(made, Clamp):
        return rule == made
    (low, high), (made_low, made_high) = _ends(rule), _ends(made)
    return rule.default == made.default and low <= made_low and made_high <= high


def nearest(value: Any, within: Range) -> Any:
    """A number moved into the range; a list cut to as many entries; a mapping as it is."""
    low, high = within
    if isinstance(value, tuple):
        return value if len(value) <= high else value[: int(high)]
    return min(max(value, low), high) if isinstance(value, int | float) else value


def common(ranges: Iterable[Mapping[str, Range]]) -> dict[str, Range]:
    """Setting → the range that all of several backends take."""
    found: dict[str, Range] = {}
    for each in ranges:
        for name, (low, high) in each.items():
            lowest, highest = found.get(name, ANY)
            found[name] = max(low, lowest), min(high, highest)
    return found


def _ends(clamp: Clamp) -> Range:
    low = -math.inf if clamp.minimum is None else clamp.minimum
    return low, math.inf if clamp.maximum is None else clamp.maximum
