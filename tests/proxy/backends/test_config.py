"""What a user may write about a model."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from proxy.backends.config import (
    EMBEDDED_MODEL,
    LiteLLMConfig,
    LlamaCppConfig,
    ModelConfig,
    OpenAIConfig,
    ScriptedConfig,
    TimeoutsConfig,
)
from proxy.engine.chat_template import PLAIN_TEMPLATE
from proxy.upstream.base import Timeouts

ENTRY: TypeAdapter[ModelConfig] = TypeAdapter(ModelConfig)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"backend": "llama_cpp", "name": "a", "path": "a.gguf"}, LlamaCppConfig),
        ({"backend": "openai", "name": "a", "base_url": "http://x/v1"}, OpenAIConfig),
        ({"backend": "openai", "name": "a", "base_url": "unix:/x.sock"}, OpenAIConfig),
        ({"backend": "litellm", "name": "a", "upstream_model": "x/y"}, LiteLLMConfig),
        ({"backend": "scripted", "name": "a"}, ScriptedConfig),
    ],
)
def test_shortest_entry_of_each_backend_is_enough(entry: dict[str, Any], kind: type) -> None:
    """Everything has a default but the name and where the model is."""
    assert isinstance(ENTRY.validate_python(entry), kind)


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"backend": "other", "name": "a"}, ()),
        ({"name": "a", "path": "a.gguf"}, ()),
        ({"backend": "scripted"}, ("scripted", "name")),
        ({"backend": "scripted", "name": "has space"}, ("scripted", "name")),
        ({"backend": "scripted", "name": "a", "rules": [{"user": "("}]}, None),
        ({"backend": "openai", "name": "a", "base_url": "host:1"}, ("openai", "base_url")),
        ({"backend": "openai", "name": "a", "base_url": "http://x", "key": 1}, ("openai", "key")),
        (
            {"backend": "openai", "name": "a", "base_url": "http://x", "api_key_env": "sk-1"},
            ("openai", "api_key_env"),
        ),
        ({"backend": "llama_cpp", "name": "a", "path": ""}, ("llama_cpp", "path")),
        (
            {"backend": "llama_cpp", "name": "a", "path": "x", "slots": "8"},
            ("llama_cpp", "slots"),
        ),
    ],
)
def test_mistake_is_refused_where_it_is(
    entry: dict[str, Any], path: tuple[str, ...] | None
) -> None:
    """Strict, no unknown keys, and a key itself where its variable's name belongs is caught."""
    with pytest.raises(ValidationError) as caught:
        ENTRY.validate_python(entry)
    if path is not None:
        assert caught.value.errors()[0]["loc"] == path


def test_entries_are_frozen() -> None:
    """A configuration does not change behind a backend's back."""
    with pytest.raises(ValidationError):
        EMBEDDED_MODEL.name = "other"  # type: ignore[misc]  # what is tested


def test_embedded_model_is_the_demo() -> None:
    """`make run` serves it without any configuration."""
    assert EMBEDDED_MODEL.name == "smollm2-135m-instruct"
    assert (EMBEDDED_MODEL.path, EMBEDDED_MODEL.convert) == ("embedded", "f16")


def test_timeouts_reach_the_client_unchanged() -> None:
    """The defaults of both sides are the same."""
    assert TimeoutsConfig().for_client() == Timeouts()
    given = TimeoutsConfig(connect_s=1.0, first_byte_s=2.0, idle_s=3.0, total_s=4.0)
    assert given.for_client() == Timeouts(1.0, 2.0, 3.0, 4.0)


def test_plain_stands_for_the_template_for_base_models() -> None:
    """Whatever else is given is Jinja."""
    plain = LlamaCppConfig(name="a", path="a.gguf", chat_template="plain")
    assert plain.chat_template == PLAIN_TEMPLATE
    assert LlamaCppConfig.model_validate(plain.model_dump(mode="json")) == plain
    own = LlamaCppConfig(name="a", path="a.gguf", chat_template="{{ messages }}")
    assert own.chat_template == "{{ messages }}"
