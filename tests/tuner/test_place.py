"""What stands above what, under which name."""

from __future__ import annotations

import pytest

from tuner.place import name_at, names, priority_at


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tuned", "tuned-shadow"),
        ("tuned-shadow", "tuned-shadow"),
        ("t" * 64, "t" * 57 + "-shadow"),
    ],
)
def test_a_place_adds_to_a_name_once_and_within_its_length(name: str, expected: str) -> None:
    """Whoever types the whole name means that one."""
    assert name_at(name, "shadow") == expected
    assert name_at(expected, "shadow") == expected


def test_all_names_of_one_are_known_each_once() -> None:
    """In the order in which they stand."""
    assert names("tuned") == ("tuned", "tuned-canary", "tuned-shadow")
    assert names("tuned-canary") == ("tuned-canary", "tuned-canary-shadow")


def test_all_places_stand_above_the_base_and_above_each_other() -> None:
    """A shadow on top: with a share of 0 it takes nothing, and below a whole share it is hidden."""
    in_force, canary, shadow = (priority_at(5, place) for place in ("in force", "canary", "shadow"))
    assert 5 < in_force < canary < shadow
