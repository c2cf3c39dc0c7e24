"""Request fields that would undo a policy behind LiteLLM: its controls, and providers' own words.

LiteLLM takes OpenAI's parameters, its own controls and whatever a provider may know in one flat
object, and hands unknown fields on. So these come on top of what servers of OpenAI's wire are known
to take. Where no policy sets the part that a field undoes, it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxy.backends.flavours import Part, capabilities
from proxy.backends.route_flavours import route_capabilities
from proxy.domain import Capabilities
from proxy.policy.fitting import Range

DETOURS = (
    "fallbacks", "context_window_fallbacks", "content_policy_fallbacks",
    "context_window_fallback_dict", "models", "user_config", "model_list", "silent_model",
)  # fmt: skip
"""Fields by which a client names other models than the one whose policy was chosen, some with
messages and settings of their own; dropped from every request. A router's own fallbacks stay."""

_OVERRIDES: Mapping[str, Part] = {
    # main.py, utils.py: which parameters are sent at all.
    "additional_drop_params": "decoding",
    "drop_params": "decoding",
    "allowed_openai_params": "decoding",
    # The limits and samplers under the names of Ollama, Gemini, Bedrock, Anthropic, TGI, Cohere.
    "options": "decoding",
    "num_predict": "decoding",
    "generationConfig": "decoding",
    "generation_config": "decoding",
    "inferenceConfig": "decoding",
    "additionalModelRequestFields": "decoding",
    "max_output_tokens": "decoding",
    "maxOutputTokens": "decoding",
    "maxTokens": "decoding",
    "max_tokens_to_sample": "decoding",
    "max_new_tokens": "decoding",
    "max_gen_len": "decoding",
    "topP": "decoding",
    "topK": "decoding",
    "stop_sequences": "decoding",
    "stopSequences": "decoding",
    "do_sample": "decoding",
    # Prompt templates that a request can bring with it: they can end in the answer's first words.
    "custom_prompt_dict": "prompt",
    "initial_prompt_value": "prompt",
    "roles": "prompt",
    "final_prompt_value": "prompt",
    "hf_model_name": "prompt",
    "supports_system_message": "prompt",
    "assistant_continue_message": "prompt",
    # The system prompt under the names of Anthropic, Gemini, Cohere, Replicate.
    "system": "prompt",
    "system_instruction": "prompt",
    "systemInstruction": "prompt",
    "system_prompt": "prompt",
    "preamble": "prompt",
    "chat_history": "prompt",
    "contents": "prompt",
    # OpenRouter: leaves out the middle of a long prompt.
    "transforms": "prompt",
}

_ALIASES = {"max_completion_tokens": "max_tokens", "n_predict": "max_tokens"}


def on_chat(
    settings: Mapping[str, str], aliases: Mapping[str, str], ranges: Mapping[str, Range]
) -> Capabilities:
    """What holds on chat, where a provider honours these settings under these names."""
    common = {name: means for name, means in _ALIASES.items() if name not in settings.values()}
    return Capabilities(
        settings=settings,
        aliases={**common, **aliases},
        overrides={**capabilities("openai").overrides, **_OVERRIDES},
        continues_assistant=True,
        ranges=ranges,
    )


def on_route(path: str) -> Capabilities:
    """What holds on the other routes, whichever provider it is."""
    table = route_capabilities("openai", path)
    overrides = {
        name: part for name, part in _OVERRIDES.items() if name not in table.settings.values()
    }
    return replace(table, overrides={**table.overrides, **overrides})


ANY_PROVIDER = capabilities("openai")
"""OpenAI's own settings, where nobody knows the provider; LiteLLM refuses what it does not take."""
