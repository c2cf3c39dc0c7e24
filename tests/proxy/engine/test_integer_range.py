from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.integer_range import integers_between

BOUND = st.integers(-2000, 2000)


def as_pattern(gbnf: str) -> re.Pattern[str]:
    """These expressions are regular: without quotes and spaces they are a Python pattern."""
    return re.compile(gbnf.replace('"', "").replace(" ", ""))


@given(first=BOUND, second=BOUND, value=st.integers(-3000, 3000))
def test_numbers_within_the_bounds_match_and_no_others(first: int, second: int, value: int) -> None:
    """Both bounds included."""
    low, high = sorted((first, second))
    pattern = as_pattern(integers_between(low, high))
    assert bool(pattern.fullmatch(str(value))) == (low <= value <= high)


@given(low=st.integers(0, 10**17), width=st.integers(0, 10**17), part=st.floats(0, 1))
def test_large_bounds_hold_as_well(low: int, width: int, part: float) -> None:
    """Up to 18 digits."""
    pattern = as_pattern(integers_between(low, low + width))
    assert pattern.fullmatch(str(low + int(width * part)))
    assert not pattern.fullmatch(str(low + width + 1))
    assert not pattern.fullmatch(f"0{low}" if low else "00")
