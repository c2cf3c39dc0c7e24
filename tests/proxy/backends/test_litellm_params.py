"""Which fields reach litellm."""

from __future__ import annotations

import pytest

from proxy.backends import flavours
from proxy.backends.litellm_params import allowed_fields, capabilities, keywords

OPENAI = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "tools", "n",
    "frequency_penalty", "stream", "stream_options", "extra_headers", "max_retries", "user",
)  # fmt: skip

CONTROLS = (
    "api_base", "base_url", "api_key", "mock_response", "fallbacks", "callbacks", "metadata",
    "custom_llm_provider", "extra_headers", "extra_body", "headers", "client", "num_retries",
    "max_retries", "timeout", "model_list", "litellm_params", "system", "template",
    "proxy_server_request",
)  # fmt: skip


def test_settings_are_what_the_provider_takes() -> None:
    """Only names of a policy's own, and no control."""
    settings = capabilities("any", OPENAI).settings
    assert set(settings) == {
        "temperature", "top_p", "max_tokens", "stop", "seed", "frequency_penalty"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "setting", "field"),
    [
        ("anthropic", "top_k", "top_k"),
        ("gemini", "top_k", "top_k"),
        ("vertex_ai", "top_k", "top_k"),
        ("hosted_vllm", "top_k", "top_k"),
        ("hosted_vllm", "min_p", "min_p"),
        ("hosted_vllm", "repeat_penalty", "repetition_penalty"),
        *(
            (provider, name, name)
            for provider in ("ollama", "ollama_chat")
            for name in (
                "top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "mirostat",
                "mirostat_tau", "mirostat_eta",
            )
        ),
    ],
)  # fmt: skip
def test_providers_own_settings(provider: str, setting: str, field: str) -> None:
    """What a provider takes beside OpenAI's parameters, in its words."""
    assert capabilities(provider, OPENAI).settings[setting] == field


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "cohere_chat", "azure"])
def test_ranges_are_of_settings_that_the_provider_takes(provider: str) -> None:
    """What is narrower than a policy's own range."""
    assert capabilities(provider, OPENAI).ranges


def test_vllm_takes_the_same_with_litellm_between() -> None:
    """It is the same server; a `top_p` of 0 would be refused there, too."""
    assert capabilities("hosted_vllm", OPENAI).ranges == flavours.capabilities("vllm").ranges


def test_anthropics_temperature_ends_at_one() -> None:
    """Beyond it the provider answers 400."""
    assert capabilities("anthropic", OPENAI).ranges["temperature"] == (0.0, 1.0)


def test_ollamas_frequency_penalty_is_an_alias() -> None:
    """Litellm writes it into ``repeat_penalty``, where it would undo an enforced one."""
    capable = capabilities("ollama_chat", OPENAI)
    assert "frequency_penalty" not in capable.settings
    assert capable.aliases["frequency_penalty"] == "repeat_penalty"


def test_provider_without_max_tokens_gets_the_newer_name() -> None:
    """And the older one is then no alias of its own."""
    capable = capabilities("any", ("max_completion_tokens", "temperature"))
    assert capable.settings["max_tokens"] == "max_completion_tokens"
    assert "max_completion_tokens" not in capable.aliases


@pytest.mark.parametrize("name", CONTROLS)
def test_control_of_litellms_never_passes(name: str) -> None:
    """A client could have our key sent to its own server, or switch the model's words off."""
    capable = capabilities("ollama_chat", OPENAI)
    taken, left_out = keywords({name: "x"}, allowed_fields(capable, OPENAI))
    assert not taken
    assert left_out == (name,)


def test_parameters_pass_and_streaming_is_handled_elsewhere() -> None:
    """``stream`` and its options are the backend's own business."""
    capable = capabilities("anthropic", OPENAI)
    fields = {"tools": [1], "top_k": 5, "stream": True, "stream_options": {}, "unknown": 1}
    taken, left_out = keywords(fields, allowed_fields(capable, OPENAI))
    assert taken == {"tools": [1], "top_k": 5}
    assert left_out == ("unknown",)
