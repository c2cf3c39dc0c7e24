"""What a run is started with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.errors import PolicyError
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.source import load_policy
from tuner.config import RunConfig, read_base


def test_a_configuration_survives_the_store(toy_config: RunConfig) -> None:
    """Through JSON and back, the model's configuration included."""
    again = RunConfig.from_json(json.loads(json.dumps(toy_config.as_json())))
    assert again == toy_config
    assert again.model_config.name == "toy"
    assert again.base_policy == PASSTHROUGH


def test_a_base_policy_is_kept_with_what_it_refers_to(tmp_path: Path) -> None:
    """A later edit of the file does not change the run."""
    (tmp_path / "prompt.md").write_text("Be brief.\n")
    path = tmp_path / "mine.yaml"
    path.write_text("schema: 1\nname: mine\nsystem_prompt: {file: prompt.md}\n")
    text = read_base(path)
    assert text is not None
    assert "Be brief." in text
    assert read_base(None) is None
    loaded = load_policy(path, root=tmp_path)
    path.write_text("schema: 1\nname: other\n")
    kept = load_policy(path, root=tmp_path, text=text)
    assert kept.ref == loaded.ref


def test_a_wrong_base_policy_is_a_policy_error(tmp_path: Path) -> None:
    """Before the first answer is paid for."""
    path = tmp_path / "mine.yaml"
    path.write_text("schema: 1\nname: mine\ndecoding: {temperature: 9}\n")
    with pytest.raises(PolicyError, match="temperature"):
        read_base(path)
