"""A setting's forms, and what a clamp makes of a request."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proxy.policy.decoding import SETTINGS
from proxy.policy.rules import Clamp, Default, Enforce, Rule
from proxy.policy.setting import Setting
from proxy.policy.values import Number

TEMPERATURE = SETTINGS["temperature"]
MAX_TOKENS = SETTINGS["max_tokens"]
TOP_K = SETTINGS["top_k"]


@pytest.mark.parametrize(
    ("given_value", "rule"),
    [
        (0.4, Enforce(0.4)),
        ({"default": 0.4}, Default(0.4)),
        ({"min": 0.1}, Clamp(minimum=0.1)),
        ({"max": 0.9}, Clamp(maximum=0.9)),
        ({"default": 0.4, "max": 0.9}, Clamp(None, 0.9, 0.4)),
        ({"min": 0.5, "max": 0.5}, Clamp(0.5, 0.5)),
        (Clamp(0.1, 0.9), Clamp(0.1, 0.9)),
        (Default(0.4), Default(0.4)),
    ],
)
def test_each_form_gives_its_rule(given_value: Any, rule: Rule) -> None:
    """A bare value is enforced; rules from code are checked like those from files."""
    assert TEMPERATURE.read(given_value) == rule


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"min": 0.9, "max": 0.1},
        {"default": 0.9, "max": 0.5},
        {"default": 3.0},
        {"value": 1.0},
        None,
        Enforce(5.0),
    ],
)
def test_a_wrong_form_is_refused(wrong: Any) -> None:
    """Whatever does not make sense raises, never guesses."""
    with pytest.raises(ValidationError):
        TEMPERATURE.read(wrong)


@pytest.mark.parametrize("name", ["seed", "stop", "logit_bias", "mirostat"])
def test_a_setting_without_order_cannot_be_limited(name: str) -> None:
    """Half of a seed means nothing."""
    with pytest.raises(ValidationError, match="cannot be limited"):
        SETTINGS[name].read({"min": 1})


@pytest.mark.parametrize(
    ("setting", "clamp", "value"),
    [
        (TEMPERATURE, Clamp(0.2, 0.8), 0.8),
        (TEMPERATURE, Clamp(1.2, 1.8), 1.2),
        (TEMPERATURE, Clamp(0.2, 1.8), 1.0),
        (TEMPERATURE, Clamp(0.2, 0.8, 0.4), 0.4),
        (MAX_TOKENS, Clamp(maximum=512), 512),
        (MAX_TOKENS, Clamp(minimum=16), None),
        (TOP_K, Clamp(1, 40), 40),
    ],
)
def test_asking_for_nothing_gives_the_default_or_the_nearest_to_neutral(
    setting: Setting, clamp: Clamp, value: float | None
) -> None:
    """The backend's own default might lie outside the limits, so the value is sent."""
    assert setting.fallback(clamp) == value


@pytest.mark.parametrize(
    ("setting", "clamp", "asked", "value"),
    [
        (TEMPERATURE, Clamp(0.2, 0.8), 1.5, 0.8),
        (TEMPERATURE, Clamp(0.2, 0.8), 0, 0.2),
        (TEMPERATURE, Clamp(0.2, 0.8), 0.5, None),
        (TEMPERATURE, Clamp(0.2, 0.8, 0.3), "1.9", 0.3),
        (TEMPERATURE, Clamp(0.2, 0.8, 0.3), True, 0.3),
        (TEMPERATURE, Clamp(0.2, 0.8, 0.3), math.nan, 0.3),
        (TEMPERATURE, Clamp(0.2, 0.8), math.inf, 0.8),
        (MAX_TOKENS, Clamp(maximum=512), -1, 512),
        (MAX_TOKENS, Clamp(maximum=512, default=256), [1], 256),
        (MAX_TOKENS, Clamp(minimum=16), -1, None),
        (TOP_K, Clamp(maximum=40), 0, 40),
    ],
)
def test_a_clamp_cannot_be_talked_out_of(
    setting: Setting, clamp: Clamp, asked: Any, value: float | None
) -> None:
    """Neither by *no limit* under another name, nor by what is no number."""
    assert setting.clamped(clamp, asked) == value


@given(st.floats(0, 2), st.floats(0, 2), st.floats() | st.integers() | st.text() | st.none())
def test_the_value_sent_is_always_within_the_limits(low: float, high: float, asked: Any) -> None:
    """For any request."""
    clamp = Clamp(min(low, high), max(low, high))
    sent = TEMPERATURE.clamped(clamp, asked)
    value = asked if sent is None else sent
    assert clamp.minimum is not None
    assert clamp.maximum is not None
    assert clamp.minimum <= value <= clamp.maximum


def test_the_json_schema_offers_no_limits_where_there_are_none() -> None:
    """An editor does not complete what would be refused."""
    value = Setting(Number(0, 2, is_whole=True))
    assert not value.is_clampable
    schema = value.__get_pydantic_json_schema__({"type": "any"}, None)  # type: ignore[arg-type]  # unused
    assert list(schema["anyOf"][1]["properties"]) == ["default"]
