"""The canary on the real model; what it comes to is in docs/rollout.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.policy.source import load_policy
from proxy.settings import load_settings
from scripts.observability.real_canary import CASES, prepare


@pytest.mark.parametrize("case", CASES)
def test_policies_and_configuration_are_sound(tmp_path: Path, case: str) -> None:
    """The canary is for some, above the stable version, and the proxy alone decides."""
    port = prepare(tmp_path, case, prompts=60, max_tokens=32, concurrency=8)
    folder = tmp_path / "policies"
    stable, canary = (
        load_policy(folder / f"{name}.yaml", root=folder) for name in ("stable", "canary")
    )
    assert canary.rollout is not None
    assert canary.rollout.share == 0.2
    assert stable.rollout is None
    assert canary.match.priority > stable.match.priority
    settings = load_settings(config=tmp_path / "guardtune.yaml", environ={}, flags={})
    assert (settings.port, settings.rollout.auto) == (port, "always")
    assert settings.probed_models == ("smollm2-135m-instruct",)
