"""``--model``, as users type it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.backends.config import EMBEDDED_MODEL, LlamaCppConfig, OpenAIConfig, ScriptedConfig
from proxy.errors import SettingsError
from proxy.evaluation.model_choice import choose_model, in_flight, wide

TWO = """
port: 1
models:
  - {backend: scripted, name: one}
  - {backend: scripted, name: two}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A server's configuration with two models."""
    path = tmp_path / "guardtune.yaml"
    path.write_text(TWO)
    return path


def test_the_embedded_model_needs_no_configuration() -> None:
    """By its word, and by default."""
    assert choose_model("embedded") == choose_model(None) == EMBEDDED_MODEL
    assert choose_model(EMBEDDED_MODEL.name) == EMBEDDED_MODEL


@pytest.mark.parametrize("path", ["/models/My Model.Q4.gguf", "hf:owner/repo/My Model.Q4.gguf"])
def test_a_file_is_named_after_itself(path: str) -> None:
    """As `serve --model` names it."""
    assert choose_model(path) == LlamaCppConfig(name="My-Model.Q4", path=path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "https://a.example/v1", "unix:/s"])
def test_an_address_needs_the_models_name(url: str) -> None:
    """URL#NAME."""
    assert choose_model(f"{url}#m") == OpenAIConfig(name="m", base_url=url)
    with pytest.raises(SettingsError, match="names no model"):
        choose_model(url)


def test_a_mistake_names_the_option_that_it_was_typed_after() -> None:
    """Where a command takes a second model."""
    for spec in ("nobody", "http://127.0.0.1:8000/v1"):
        with pytest.raises(SettingsError, match="--writer"):
            choose_model(spec, option="--writer")


def test_a_configuration_is_chosen_from_by_name(config: Path) -> None:
    """With --config, or the file itself; what the server alone needs is not read."""
    assert choose_model("two", config) == ScriptedConfig(name="two")
    assert choose_model(f"{config}#two") == ScriptedConfig(name="two")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (None, "there are several models. Give --model, one of: one, two."),
        ("three", "there is no model 'three'. Give one of one, two"),
    ],
)
def test_no_choice_names_the_choices(config: Path, spec: str | None, said: str) -> None:
    """What there is, and what else can be written."""
    with pytest.raises(SettingsError, match=said):
        choose_model(spec, config)


def test_mistakes_in_a_file_have_their_lines(config: Path) -> None:
    """All of them."""
    config.write_text("models:\n  - {backend: scripted}\n  - {backend: sripted, name: b}\n")
    with pytest.raises(SettingsError) as caught:
        choose_model(None, config)
    assert [problem.line for problem in caught.value.problems] == [2, 3]


def test_local_models_decode_in_wide_batches() -> None:
    """Never fewer than configured, and remote models are left alone."""
    assert wide(EMBEDDED_MODEL) == EMBEDDED_MODEL.model_copy(update={"slots": 32})
    wider = LlamaCppConfig(name="m", path="m.gguf", slots=64)
    assert wide(wider) == wider
    remote = ScriptedConfig(name="m")
    assert wide(remote) is remote
    assert (in_flight(wide(EMBEDDED_MODEL)), in_flight(remote)) == (36, 8)
