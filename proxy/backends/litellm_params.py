"""Which request fields a provider takes through litellm: for policies, and for clients.

litellm takes OpenAI's parameters and its own controls (address, key, callbacks, fallbacks, …) in
one flat list of keywords. What a client sends must never reach the controls, or it could have our
key sent to its own server; so fields are allowed, not forbidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.backends.flavours import OPENAI_NAMES
from proxy.backends.flavours import capabilities as of_flavour
from proxy.domain import Capabilities
from proxy.policy.fitting import Range

# What providers take beside OpenAI's parameters: litellm hands unknown keywords on to them.
# ollama: llms/ollama/chat/transformation.py; hosted_vllm: through `extra_body`.
_EXTRA: Mapping[str, Mapping[str, str]] = {
    "anthropic": {"top_k": "top_k"},
    "gemini": {"top_k": "top_k"},
    "vertex_ai": {"top_k": "top_k"},
    "hosted_vllm": {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repetition_penalty"},
    "ollama": {},
    "ollama_chat": {},
}
_OLLAMA = (
    "top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "mirostat", "mirostat_tau",
    "mirostat_eta",
)  # fmt: skip
_OLLAMA_PROVIDERS = frozenset({"ollama", "ollama_chat"})

_COHERE = {
    "temperature": (0.0, 1.0),
    "top_p": (0.01, 0.99),
    "frequency_penalty": (0.0, 1.0),
    "presence_penalty": (0.0, 1.0),
    "stop": (1, 5),
}

# What providers' own references allow, where it is less than a policy may say.
_RANGES: Mapping[str, Mapping[str, Range]] = {
    "openai": of_flavour("openai").ranges,
    "azure": of_flavour("openai").ranges,
    "anthropic": {"temperature": (0.0, 1.0)},
    "gemini": {"stop": (1, 5)},
    "vertex_ai": {"stop": (1, 5)},
    "cohere": _COHERE,
    "cohere_chat": _COHERE,
    "hosted_vllm": of_flavour("vllm").ranges,
}

# In litellm's lists of OpenAI parameters, but no business of a client's.
_NEVER = frozenset({"extra_headers", "max_retries", "stream", "stream_options", "extra_body"})


def capabilities(provider: str, supported: Iterable[str]) -> Capabilities:
    """What one provider honours.

    Args:
        provider: litellm's name of it.
        supported: OpenAI's parameters that it takes, as litellm's own tables say.
    """
    known = frozenset(supported)
    settings = {name: name for name in OPENAI_NAMES if name in known}
    if "max_tokens" not in known and "max_completion_tokens" in known:
        settings["max_tokens"] = "max_completion_tokens"
    settings |= _EXTRA.get(provider, {})
    aliases = {"max_completion_tokens": "max_tokens"}
    if settings.get("max_tokens") in aliases:
        aliases = {"max_tokens": "max_tokens"}
    if provider in _OLLAMA_PROVIDERS:
        settings |= {name: name for name in _OLLAMA}
        # litellm writes `frequency_penalty` into Ollama's `repeat_penalty`: two names, one knob.
        settings.pop("frequency_penalty", None)
        aliases["frequency_penalty"] = "repeat_penalty"
    # Anthropic, Ollama and others continue a trailing assistant message.
    return Capabilities(
        settings=settings,
        aliases=aliases,
        continues_assistant=True,
        ranges=_RANGES.get(provider, {}),
    )


def allowed_fields(capable: Capabilities, supported: Iterable[str]) -> frozenset[str]:
    """The request fields that may be handed to litellm as keywords."""
    named = {*supported, *capable.settings.values(), *capable.aliases}
    return frozenset(named) - _NEVER


def keywords(
    fields: Mapping[str, Any], allowed: frozenset[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Split a request's fields into those for litellm and the names of those left out."""
    given = {name: value for name, value in fields.items() if name not in _HANDLED}
    taken = {name: value for name, value in given.items() if name in allowed}
    return taken, tuple(sorted(given.keys() - taken.keys()))


_HANDLED = frozenset({"stream", "stream_options"})
