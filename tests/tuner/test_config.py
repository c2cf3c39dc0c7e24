"""What a run is started with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from proxy.backends.config import LiteLLMConfig
from proxy.errors import PolicyError, StoreError
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.source import load_policy
from tuner.config import RunConfig, read_base
from tuner.limits import Limits
from tuner.presets import PRESETS


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


def test_a_record_of_before_has_the_limits_of_then(toy_config: RunConfig) -> None:
    """Its decisions were made without the newer ones."""
    newer = {"schema", "limits", "constraints", "allow_lexical"}
    old = {name: value for name, value in toy_config.as_json().items() if name not in newer}
    again = RunConfig.from_json(old)
    assert again.limits == Limits.from_json(None)
    assert (again.constraints, again.allow_lexical) == ("feasibility", False)
    assert again.sizes.limits.echo is None


def test_a_run_is_as_large_as_its_preset_and_has_limits_of_its_own(toy_config: RunConfig) -> None:
    """Whatever the defaults become."""
    config = dataclasses.replace(toy_config, limits=Limits(over_refusal=0.2))
    assert RunConfig.from_json(config.as_json()).sizes == dataclasses.replace(
        PRESETS["quick"], limits=Limits(over_refusal=0.2)
    )


def test_a_record_of_a_later_version_is_refused(toy_config: RunConfig) -> None:
    """Whatever it means by what it says."""
    with pytest.raises(StoreError, match="has schema 99, and this GuardTune reads up to 3"):
        RunConfig.from_json(toy_config.as_json() | {"schema": 99, "moon": "full"})


def test_a_model_that_this_version_does_not_take_is_a_store_error(toy_config: RunConfig) -> None:
    """With the field, and what to do."""
    odd = dataclasses.replace(toy_config, model={**toy_config.model, "slotz": 3})
    with pytest.raises(StoreError, match=r"slotz.*the version that started the run"):
        _ = odd.model_config


def test_a_writer_is_kept_by_its_configuration(toy_config: RunConfig) -> None:
    """Never its key; and there may be none."""
    assert toy_config.writer_config is None
    pen = LiteLLMConfig(name="pen", upstream_model="openai/pen", api_key_env="PEN_KEY")
    config = dataclasses.replace(toy_config, writer=pen.model_dump(mode="json"), writer_calls=7)
    again = RunConfig.from_json(json.loads(json.dumps(config.as_json())))
    assert again == config
    assert again.writer_config == pen
