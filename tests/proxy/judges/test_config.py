"""Configured judges: one strict model a kind."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from proxy.judges.config import CascadeConfig, GuardModelConfig, JudgeConfig, VoteConfig

_parse = TypeAdapter[JudgeConfig](JudgeConfig).validate_python

MODEL = {"backend": "scripted", "name": "guard"}
GUARD: dict[str, Any] = {"kind": "guard_model", "format": "qwen3guard", "model": MODEL}


def test_nested_judges_are_read() -> None:
    """A cascade of a named judge and a vote of a guard and a grader."""
    config = _parse(
        {
            "kind": "cascade",
            "cheap": {"kind": "named", "judge": "embedded"},
            "strong": {
                "kind": "vote",
                "judges": [GUARD, {"kind": "model_graded", "model": MODEL}],
                "k": 1,
            },
            "band": [0.2, 0.8],
        }
    )
    assert isinstance(config, CascadeConfig)
    assert isinstance(config.strong, VoteConfig)
    assert isinstance(config.strong.judges[0], GuardModelConfig)
    assert (config.band, config.audit_share) == ((0.2, 0.8), 0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "qwen4guard"}, "is no guard format"),
        ({"criterion": "harm"}, "qwen3guard does not use criterion"),
        ({"labels": {"H1": "gardening"}}, "no such category: gardening"),
        ({"threshold": 1.0}, "less than 1"),
        ({"thresholds": 0.5}, "Extra inputs"),
        ({"kind": "oracle"}, "does not match any of the expected tags"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    """An option that a format ignores would be a silent no-op."""
    with pytest.raises(ValidationError, match=message):
        _parse(GUARD | change)


def test_rubric_vote_and_band_are_checked() -> None:
    """Each in its own words."""
    graded = {"kind": "model_graded", "model": MODEL, "rubric": "beauty"}
    with pytest.raises(ValidationError, match="is no rubric"):
        _parse(graded)
    with pytest.raises(ValidationError, match="k is 3, but there are 2"):
        _parse({"kind": "vote", "judges": [GUARD, GUARD], "k": 3})
    with pytest.raises(ValidationError, match="a band needs"):
        _parse({"kind": "cascade", "cheap": GUARD, "strong": GUARD, "band": [0.8, 0.2]})


def test_options_carry_the_policy_file(tmp_path: Any) -> None:
    """The policy is a file of the user's."""
    path = tmp_path / "policy.md"
    path.write_text("# Ours", encoding="utf-8")
    raw = {**GUARD, "format": "gpt_oss_safeguard", "policy_file": str(path)}
    config = _parse(raw)
    assert isinstance(config, GuardModelConfig)
    assert config.options().policy == "# Ours"
