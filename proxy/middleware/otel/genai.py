"""Requests, answers and models in the words of OpenTelemetry's GenAI semantic conventions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from proxy.backends.config import LiteLLMConfig, ModelConfig, OpenAIConfig
from proxy.backends.routes import CHAT_PATH, COMPLETIONS_PATH, EMBEDDINGS_PATH, RESPONSES_PATH
from proxy.domain import ChatRequest, Message, Transcript, Usage

_OPERATIONS = {
    CHAT_PATH: "chat",
    RESPONSES_PATH: "chat",
    COMPLETIONS_PATH: "text_completion",
    EMBEDDINGS_PATH: "embeddings",
}

_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""litellm's words → the conventions'; the others are the same."""

_NUMBERS = {
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "temperature": "gen_ai.request.temperature",
    "top_k": "gen_ai.request.top_k",
    "top_p": "gen_ai.request.top_p",
}

_PORTS = {"http": 80, "https": 443}


def operation(path: str) -> str:
    """What a route does: ``chat``, …; of one that an operator let through, its path."""
    return _OPERATIONS.get(path, path.removeprefix("/v1/"))


def provider(config: ModelConfig) -> dict[str, Any]:
    """Who answers for a model, and where, as far as its configuration tells."""
    if isinstance(config, OpenAIConfig):
        return {"gen_ai.provider.name": config.flavour, **_address(config.base_url)}
    if isinstance(config, LiteLLMConfig):
        named = (
            config.upstream_model.partition("/")[0] if "/" in config.upstream_model else "openai"
        )
        return {"gen_ai.provider.name": _PROVIDERS.get(named, named), **_address(config.api_base)}
    return {"gen_ai.provider.name": config.backend}


def asked(request: ChatRequest) -> dict[str, Any]:
    """A request as it is sent, without its texts."""
    fields = request.fields
    found: dict[str, Any] = {
        name: fields[field]
        for field, name in _NUMBERS.items()
        if isinstance(fields.get(field), (int, float))
    }
    found["gen_ai.request.stream"] = request.is_stream
    if isinstance(n := fields.get("n"), int) and n != 1:
        found["gen_ai.request.choice.count"] = n
    if request.conversation is not None:
        found["gen_ai.conversation.id"] = request.conversation
    return found


def answered(transcript: Transcript) -> dict[str, Any]:
    """An answer, without its text."""
    found: dict[str, Any] = {}
    if transcript.model is not None:
        found["gen_ai.response.model"] = transcript.model
    if transcript.finish_reason is not None:
        found["gen_ai.response.finish_reasons"] = (transcript.finish_reason,)
    return found | (_used(transcript.usage) if transcript.usage is not None else {})


def texts_asked(messages: Sequence[Message]) -> dict[str, str]:
    """What was said to the model, the policy's words included; only where that is wanted."""
    said = [{"role": str(one.get("role", "")), "parts": list(_parts(one))} for one in messages]
    return {"gen_ai.input.messages": json.dumps(said, ensure_ascii=False)}


def texts_answered(transcript: Transcript) -> dict[str, str]:
    """What the model said; only where that is wanted."""
    said = {
        "role": "assistant",
        "parts": [{"type": "text", "content": transcript.text}],
        "finish_reason": transcript.finish_reason or "error",
    }
    return {"gen_ai.output.messages": json.dumps([said], ensure_ascii=False)}


def _used(usage: Usage) -> dict[str, int]:
    return {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
    }


def _parts(message: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The texts of a message; of all else, an image say, only what kind of thing it is."""
    content = message.get("content")
    for part in [{"text": content}] if isinstance(content, str) else content or []:
        if isinstance(text := part.get("text"), str):
            yield {"type": "text", "content": text}
        else:
            yield {"type": str(part.get("type", "unknown"))}


def _address(url: str | None) -> dict[str, Any]:
    if url is None:
        return {}
    if url.startswith("unix:"):
        return {"server.address": url.removeprefix("unix:")}
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme)
    return {
        "server.address": parts.hostname or "",
        **({} if port is None else {"server.port": port}),
    }
