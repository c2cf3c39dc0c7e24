"""The table of decoding settings."""

from __future__ import annotations

import math

import pytest

from proxy.policy.decoding import SETTINGS, Decoding
from proxy.policy.rules import Default, Enforce
from proxy.policy.values import Number


def test_iterating_gives_the_settings_with_a_rule_in_fixed_order() -> None:
    """Whatever order the file has them in."""
    decoding = Decoding.model_validate({"top_p": {"default": 0.9}, "temperature": 1})
    assert list(decoding) == [("temperature", Enforce(1.0)), ("top_p", Default(0.9))]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_documented_and_its_neutral_value_lies_in_its_range(name: str) -> None:
    """The reference and the clamps rely on both."""
    setting = SETTINGS[name]
    assert Decoding.model_fields[name].description
    if isinstance(setting.takes, Number) and setting.neutral is not None:
        takes = setting.takes
        is_unlimited = setting.neutral == math.inf and takes.unlimited_below is not None
        assert is_unlimited or takes.minimum <= setting.neutral <= takes.maximum
