"""The hook's options, from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.adapters.litellm_options import LiteLLMOptions, from_environment
from proxy.errors import SettingsError


def test_options_come_from_variables() -> None:
    """The folder alone is enough; the others are off."""
    assert from_environment({"GUARDTUNE_POLICIES": "policies"}) == LiteLLMOptions(
        policies=Path("policies")
    )
    given = from_environment(
        {
            "GUARDTUNE_POLICIES": "p",
            "GUARDTUNE_REQUIRE_POLICY": "true",
            "GUARDTUNE_STRICT": "1",
            "GUARDTUNE_LITELLM_ON_FAILURE": "open",
            "GUARDTUNE_LITELLM_PASSTHROUGH": "anthropic_messages, acreate_batch",
            "GUARDTUNE_PORT": "8000",
        }
    )
    assert given.require_policy
    assert given.strict
    assert given.litellm_on_failure == "open"
    assert given.litellm_passthrough == ("anthropic_messages", "acreate_batch")


def test_every_mistake_is_told_at_once() -> None:
    """LiteLLM then does not start."""
    with pytest.raises(SettingsError) as caught:
        from_environment({"GUARDTUNE_STRICT": "perhaps", "GUARDTUNE_LITELLM_ON_FAILURE": "ajar"})
    assert {problem.path for problem in caught.value.problems} == {
        "policies",
        "strict",
        "litellm_on_failure",
    }
