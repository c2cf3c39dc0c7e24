"""The kinds of value a setting takes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from proxy.policy.values import Biases, Mistakes, Number, Texts

SHARE = Number(0.0, 1.0)
WINDOW = Number(1, 100, is_whole=True, unlimited_below=1)


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (SHARE, 1, 1.0),
        (SHARE, -0.0, 0.0),
        (WINDOW, 40, 40),
        (Texts(), "END", ("END",)),
        (Texts(), ["a", "b"], ("a", "b")),
        (Biases(), {"12": 3}, {"12": 3.0}),
        (Biases(), {12: 3}, {"12": 3.0}),
    ],
)
def test_a_good_value_is_read(kind: Number | Texts | Biases, given: Any, value: Any) -> None:
    """Each kind gives one form for all its spellings, so that they share one identity."""
    mistakes = Mistakes()
    assert str(kind.read(given, (), mistakes)) == str(value)
    assert not mistakes.found


@pytest.mark.parametrize(
    ("kind", "given", "count"),
    [
        (SHARE, 1.1, 1),
        (SHARE, -0.1, 1),
        (SHARE, math.nan, 1),
        (SHARE, "0.5", 1),
        (SHARE, True, 1),
        (WINDOW, 40.0, 1),
        (Texts(), ["", 3, "x"], 2),
        (Texts(), [], 1),
        (Texts(max_items=1), ["a", "b"], 1),
        (Texts(), 3, 1),
        (Biases(), {"a": 1, "2": 101, "3": "x"}, 3),
        (Biases(), [1], 1),
        (Biases(max_items=1), {"1": 1, "2": 2}, 1),
    ],
)
def test_every_mistake_in_a_value_is_noted(
    kind: Number | Texts | Biases, given: Any, count: int
) -> None:
    """Reading goes on past the first mistake."""
    mistakes = Mistakes()
    kind.read(given, (), mistakes)
    assert len(mistakes.found) == count
    with pytest.raises(ValidationError):
        mistakes.raise_any()


@pytest.mark.parametrize(
    ("given", "number"),
    [(5, 5), (5.0, 5), (0, math.inf), (-1, math.inf), ("5", None), (True, None), (5.5, None)],
)
def test_what_a_client_asked_for_is_read_as_servers_read_it(
    given: Any, number: float | None
) -> None:
    """`max_tokens: -1` is no small number but no limit at all."""
    assert WINDOW.asked(given) == number


def test_not_a_number_is_no_number() -> None:
    """NaN compares to nothing and would slip through every limit."""
    assert SHARE.asked(math.nan) is None
    assert WINDOW.asked(math.inf) is None


@pytest.mark.parametrize("number", [WINDOW, SHARE])
def test_number_larger_than_any_float_is_read(number: Number) -> None:
    """JSON may have 400 digits; a policy file may not."""
    assert number.asked(10**400) == 10**400
    mistakes = Mistakes()
    assert number.read(10**400, (), mistakes) is None
    with pytest.raises(ValidationError, match="less than or equal"):
        mistakes.raise_any()


def test_braces_in_a_sentence_are_kept() -> None:
    """Sentences are no templates."""
    mistakes = Mistakes()
    mistakes.say("write {default: …}", (), 1)
    with pytest.raises(ValidationError, match=r"write \{default: …\}"):
        mistakes.raise_any()
