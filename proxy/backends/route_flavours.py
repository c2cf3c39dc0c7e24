"""What each flavour honours on routes other than chat; see `flavours`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from proxy.backends.config import Flavour
from proxy.backends.flavours import capabilities
from proxy.backends.litellm_fields import BLIND, Part
from proxy.backends.routes import COMPLETIONS_PATH, RESPONSES_PATH
from proxy.domain import Capabilities

UNGUARDABLE = Capabilities(settings={}, conversation=None)
"""Of routes that generate no text, or that we know nothing about."""

_SETTINGS = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_output_tokens"}
"""All that the Responses API itself has."""

_CHAT_LIMITS = dict.fromkeys(("max_tokens", "max_completion_tokens", "n_predict"), "max_tokens")

# `auto` drops what stands first in `input`, which is where a policy's demonstrations are.
_TRUNCATION: Mapping[str, Part] = {"truncation": "prompt"}

# vllm/entrypoints/openai/responses/protocol.py. Under an earlier response, models of the Harmony
# format take their instructions from that one and ignore new ones.
_VLLM_OVERRIDES: Mapping[str, Part] = {
    **_TRUNCATION,
    "previous_response": "prompt",
    "previous_input_messages": "prompt",
    "vllm_xargs": "decoding",
    "ignore_eos": "decoding",
}

# tools/server, convert_responses_to_chatcmpl: what it does not know it hands on to the chat route,
# so each field of that route works here, and so does each way around a policy.
_LLAMA_SERVER = capabilities("llama_server")

# What limits an answer on chat by another name is the route's own setting here.
_LITELLMS = {name: part for name, part in BLIND.items() if name not in _SETTINGS.values()}

# OpenAI carries no instructions over from an earlier response, so that one may be named.
_OPENAI = Capabilities(
    settings=_SETTINGS,
    aliases=_CHAT_LIMITS,
    overrides={**_LITELLMS, **_LLAMA_SERVER.overrides, **_VLLM_OVERRIDES},
    continues_assistant=True,
    conversation="input",
)

_RESPONSES: Mapping[Flavour, Capabilities] = {
    "openai": _OPENAI,
    "vllm": Capabilities(
        settings={
            **_SETTINGS,
            "top_k": "top_k",
            "repeat_penalty": "repetition_penalty",
            "seed": "seed",
            "stop": "stop",
            "logit_bias": "logit_bias",
        },
        overrides={**_VLLM_OVERRIDES, "previous_response_id": "prompt"},
        continues_assistant=True,
        ranges=capabilities("vllm").ranges,
        conversation="input",
    ),
    "llama_server": replace(
        _LLAMA_SERVER,
        settings={**_LLAMA_SERVER.settings, **_SETTINGS},
        aliases=_CHAT_LIMITS,
        conversation="input_parts",
    ),
    # openai/responses.go, ResponsesRequest: these fields and no others.
    "ollama": Capabilities(
        settings=_SETTINGS, overrides=_TRUNCATION, continues_assistant=True, conversation="input"
    ),
    # It has no such route; what answers there in its stead is unknown.
    "tgi": _OPENAI,
}


@lru_cache
def route_capabilities(flavour: Flavour, path: str) -> Capabilities:
    """The table of one flavour on a route other than chat; the same object each time.

    Args:
        flavour: which server it is.
        path: as clients ask for it, such as ``/v1/responses``.
    """
    if path == RESPONSES_PATH:
        return _RESPONSES[flavour]
    if path == COMPLETIONS_PATH:
        # Chat's fields, and no conversation. Only chat has another name for `max_tokens`.
        return replace(capabilities(flavour), conversation=None, continues_assistant=False)
    return UNGUARDABLE
