"""Rules within what a backend takes."""

from __future__ import annotations

import math

import pytest

from proxy.policy.fitting import ANY, common, fitted, holds, nearest
from proxy.policy.rules import Clamp, Default, Enforce, Rule

WITHIN = (0.0, 1.0)


@pytest.mark.parametrize(
    ("rule", "made", "is_kept"),
    [
        (Enforce(0.5), Enforce(0.5), True),
        (Enforce(1.5), Enforce(1.0), False),
        (Enforce(-0.5), Enforce(0.0), False),
        (Default(1.5), Default(1.0), False),
        (Clamp(0.2, 0.8), Clamp(0.2, 0.8), True),
        (Clamp(0.2, 1.5), Clamp(0.2, 1.0), True),
        (Clamp(minimum=-0.5), Clamp(minimum=0.0), True),
        (Clamp(1.2, 1.5), Clamp(1.0, 1.0), False),
        (Clamp(maximum=-0.5), Clamp(maximum=0.0), False),
        (Clamp(0.2, 1.5, 1.2), Clamp(0.2, 1.0, 1.0), False),
    ],
)
def test_rule_is_moved_to_the_nearest_values(rule: Rule, made: Rule, *, is_kept: bool) -> None:
    """Narrower limits keep a policy's promise; wider ones, and other values, do not."""
    assert fitted(rule, WITHIN) == made
    assert holds(rule, made) is is_kept


def test_list_is_cut_to_as_many_as_are_taken() -> None:
    """The first ones stay."""
    rule = Enforce(("a", "b", "c"))
    assert fitted(rule, (1, 2)) == Enforce(("a", "b"))
    assert fitted(rule, (1, 4)) == rule == fitted(rule, ANY)


def test_mapping_has_no_range() -> None:
    """Biases go by their own limits."""
    assert nearest({"5": -1.0}, WITHIN) == {"5": -1.0}


def test_common_range_is_what_every_backend_takes() -> None:
    """A request may go to any of them."""
    ranges = [{"temperature": (0.0, 1.0)}, {}, {"temperature": (0.1, 2.0), "stop": (1, 4)}]
    assert common(ranges) == {"temperature": (0.1, 1.0), "stop": (1, 4)}


def test_no_range_moves_nothing() -> None:
    """Neither a number nor a missing limit."""
    rule = Clamp(minimum=-math.inf, default=1e9)
    assert fitted(rule, ANY) == rule
