"""Rules and how they are written."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.policy.rules import Clamp, Default, Enforce, Rule


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        (Enforce(0.4), 0.4),
        (Enforce(("a", "b")), ["a", "b"]),
        (Enforce({"12": -5.0}), {"12": -5.0}),
        (Default(256), {"default": 256}),
        (Clamp(0.1, 0.9, 0.5), {"min": 0.1, "max": 0.9, "default": 0.5}),
        (Clamp(maximum=512), {"max": 512}),
        (Clamp(minimum=0.0), {"min": 0.0}),
    ],
)
def test_a_rule_is_written_as_it_stands_in_a_file(rule: Rule, written: Any) -> None:
    """Absent limits are left out; zero is no absence."""
    assert rule.written() == written
