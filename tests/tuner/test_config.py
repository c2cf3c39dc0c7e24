"""What a run is started with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.backends.config import EMBEDDED_MODEL
from proxy.errors import PolicyError, SettingsError
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.source import load_policy
from tuner.config import RunConfig, find_model, read_base

TWO_MODELS = """
host: 127.0.0.1
models:
  - {backend: scripted, name: one}
  - {backend: scripted, name: two}
"""


def test_a_configuration_survives_the_store(toy_config: RunConfig) -> None:
    """Through JSON and back, the model's configuration included."""
    again = RunConfig.from_json(json.loads(json.dumps(toy_config.as_json())))
    assert again == toy_config
    assert again.model_config.name == "toy"
    assert again.base_policy == PASSTHROUGH


def test_without_a_configuration_the_embedded_model_is_tuned() -> None:
    """`make tune` needs no file."""
    assert find_model(None, None) == EMBEDDED_MODEL


def test_a_model_is_found_by_name_beside_the_servers_other_settings(
    tmp_path: Path,
) -> None:
    """One configuration for both programs."""
    config = tmp_path / "guardtune.yaml"
    config.write_text(TWO_MODELS)
    assert find_model("two", config).name == "two"


@pytest.mark.parametrize(
    ("name", "said"), [(None, "several models"), ("three", "no model 'three'")]
)
def test_a_choice_that_cannot_be_made_names_the_models(
    tmp_path: Path, name: str | None, said: str
) -> None:
    """So that the next try is right."""
    config = tmp_path / "guardtune.yaml"
    config.write_text(TWO_MODELS)
    with pytest.raises(SettingsError, match=f"{said}.*one, two"):
        find_model(name, config)


def test_a_wrong_model_is_reported_with_its_line(tmp_path: Path) -> None:
    """As the server would."""
    config = tmp_path / "guardtune.yaml"
    config.write_text("models:\n  - {backend: scripted, name: one, rulez: []}\n")
    with pytest.raises(SettingsError, match=r"guardtune\.yaml:2: models\[0\]\.rulez"):
        find_model(None, config)


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
