"""The roster of backends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Literal, get_args

import pytest

from proxy.backends import registry
from proxy.backends.config import (
    EMBEDDED_MODEL,
    LiteLLMConfig,
    LlamaCppConfig,
    ModelConfig,
    OpenAIConfig,
    ScriptedConfig,
)
from proxy.backends.local import LocalBackend
from proxy.backends.supervised import SupervisedBackend
from proxy.errors import ModelLoadError


@pytest.mark.parametrize(
    "config",
    [
        EMBEDDED_MODEL,
        OpenAIConfig(name="a", base_url="http://127.0.0.1:1/v1"),
        LiteLLMConfig(name="a", upstream_model="openai/a"),
        ScriptedConfig(name="a"),
    ],
)
def test_create_gives_a_backend_of_that_name(config: ModelConfig) -> None:
    """One of each; none of them loads or connects before it is started."""
    assert registry.create(config).model == config.name


@pytest.mark.parametrize(
    ("process", "may_spawn", "kind"),
    [
        ("child", True, SupervisedBackend),
        ("child", False, LocalBackend),
        ("inline", True, LocalBackend),
    ],
)
def test_local_model_gets_a_process_where_both_sides_want_it(
    process: Literal["child", "inline"],
    may_spawn: bool,  # noqa: FBT001 - a parameter of pytest's
    kind: type,
) -> None:
    """The server allows it, the configuration asks for it."""
    config = LlamaCppConfig(name="a", path="a.gguf", process=process)
    assert type(registry.create(config, may_spawn=may_spawn)) is kind


def test_every_configuration_has_a_backend() -> None:
    """Nobody can configure what cannot be built."""
    union = get_args(get_args(ModelConfig)[0])
    configured = {kind.model_fields["backend"].default for kind in union}
    assert configured == set(registry._FACTORIES)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            LiteLLMConfig(name="a", upstream_model="x/y"),
            (
                "models: a: the package litellm is missing. "
                "Run: pip install 'litellm>=1.106,!=1.82.7,!=1.82.8'"
            ),
        ),
        (
            LlamaCppConfig(name="a", path="a.gguf"),
            (
                "models: a: the package llama_cpp is missing. "
                "Run: pip install 'llama-cpp-python>=0.3.36'"
            ),
        ),
    ],
)
def test_missing_package_is_named_with_its_command(
    config: ModelConfig, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message can be pasted into a shell."""
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(ModelLoadError) as caught:
        registry.create(config)
    assert str(caught.value) == message


def test_importing_and_building_loads_no_heavy_package() -> None:
    """A proxy in front of vLLM starts in well under a second, without litellm or llama.cpp."""
    program = (
        "import sys\n"
        "from proxy.backends.config import OpenAIConfig\n"
        "from proxy.backends.registry import create\n"
        "create(OpenAIConfig(name='a', base_url='unix:/x.sock'))\n"
        "print(sorted({'litellm', 'llama_cpp', 'openai', 'numpy'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("config", "honours", "ignores"),
    [
        (EMBEDDED_MODEL, "top_k", "no_such_setting"),
        (OpenAIConfig(name="a", base_url="http://127.0.0.1:1/v1"), "logit_bias", "top_k"),
        (
            LiteLLMConfig(name="a", upstream_model="anthropic/claude-sonnet-4-5", api_key_env="A"),
            "top_p",
            "presence_penalty",
        ),
    ],
    ids=["local", "server", "litellm"],
)
def test_what_a_model_honours_is_known_without_asking_it(
    config: ModelConfig, honours: str, ignores: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model is loaded, and nobody listens at that address."""
    monkeypatch.setenv("A", "key")
    settings = asyncio.run(registry.capabilities_of(config)).settings
    assert honours in settings
    assert ignores not in settings
