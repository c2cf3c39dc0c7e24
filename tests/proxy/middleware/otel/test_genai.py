"""Words of the GenAI conventions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.backends.config import LiteLLMConfig, ModelConfig, OpenAIConfig, ScriptedConfig
from proxy.domain import ChatRequest, Transcript, Usage
from proxy.middleware.otel import genai


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/v1/chat/completions", "chat"),
        ("/v1/responses", "chat"),
        ("/v1/completions", "text_completion"),
        ("/v1/embeddings", "embeddings"),
        ("/v1/rerank", "rerank"),
    ],
)
def test_route_has_its_operation(path: str, word: str) -> None:
    """The conventions' own word where they have one."""
    assert genai.operation(path) == word


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            OpenAIConfig(name="m", base_url="https://api.example.org/v1"),
            {"gen_ai.provider.name": "openai", "server.address": "api.example.org",
             "server.port": 443},
        ),
        (
            OpenAIConfig(name="m", base_url="unix:/run/m.sock", flavour="vllm"),
            {"gen_ai.provider.name": "vllm", "server.address": "/run/m.sock"},
        ),
        (LiteLLMConfig(name="m", upstream_model="bedrock/x"),
         {"gen_ai.provider.name": "aws.bedrock"}),
        (LiteLLMConfig(name="m", upstream_model="anthropic/x"),
         {"gen_ai.provider.name": "anthropic"}),
        (LiteLLMConfig(name="m", upstream_model="gpt-x"), {"gen_ai.provider.name": "openai"}),
        (ScriptedConfig(name="m"), {"gen_ai.provider.name": "scripted"}),
    ],
)  # fmt: skip
def test_model_has_its_provider(config: ModelConfig, told: dict[str, Any]) -> None:
    """And its address, where the configuration has one."""
    assert genai.provider(config) == told


def test_request_is_told_without_its_texts() -> None:
    """Settings as they are sent."""
    request = ChatRequest(
        "m",
        ({"role": "user", "content": "private"},),
        {"temperature": 0.5, "max_completion_tokens": 7, "n": 2, "stream": True, "seed": "odd"},
        conversation="c-1",
    )
    told = genai.asked(request)
    assert told == {
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": "c-1",
    }


def test_answer_is_told_without_its_text() -> None:
    """What there is of it: an answer that broke off has no finish reason."""
    transcript = Transcript()
    transcript.add_text("private")
    assert genai.answered(transcript) == {}
    transcript.model, transcript.finish_reason = "m-1", "stop"
    transcript.usage = Usage(9, 4, 3)
    assert genai.answered(transcript) == {
        "gen_ai.response.model": "m-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 3,
    }


def test_texts_have_the_conventions_form() -> None:
    """Texts whole, other parts by their kind alone."""
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "x"}}]
    messages = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": parts},
                {"role": "assistant", "content": None})  # fmt: skip
    told = genai.texts_asked(messages)
    assert json.loads(told["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be kind."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Look:"}, {"type": "image_url"}]},
        {"role": "assistant", "parts": []},
    ]
    transcript = Transcript()
    transcript.add_text("Yes.")
    transcript.finish_reason = "stop"
    assert json.loads(genai.texts_answered(transcript)["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Yes."}],
         "finish_reason": "stop"},
    ]  # fmt: skip
