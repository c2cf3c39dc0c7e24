"""Reading ``Name: value`` lines."""

from __future__ import annotations

import pytest

from proxy.errors import JudgeError
from proxy.judges.guard_models import lines


def test_field_is_read_from_its_own_line_only() -> None:
    """A name inside prose is no line."""
    assert lines.field("He said Safety: Safe\nSafety: unsafe", "Safety", ("Safe", "Unsafe")) == (
        "Unsafe"
    )


def test_field_twice_with_one_value_is_one_verdict() -> None:
    """Repetition is no contradiction."""
    assert lines.field("Safety: Safe\nSafety: Safe", "Safety", ("Safe",)) == "Safe"


def test_missing_field_is_none_only_where_it_may_be() -> None:
    """Required by default."""
    assert lines.field("", "Refusal", ("Yes",), is_required=False) is None
    with pytest.raises(JudgeError, match="no `Refusal` lines"):
        lines.field("", "Refusal", ("Yes",))


def test_items_are_split_and_stripped() -> None:
    """Empty items vanish."""
    assert lines.items("Categories: a,  b ,,", "Categories") == ("a", "b")
    assert lines.items("none", "Categories") == ()


def test_known_refuses_a_code_of_another_map() -> None:
    """An unknown code may be another model's."""
    assert lines.known(["s1"], {"S1": "x"}) == ("S1",)
    with pytest.raises(JudgeError, match="category"):
        lines.known(["S2"], {"S1": "x"})
