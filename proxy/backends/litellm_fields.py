"""Request fields by which a LiteLLM proxy can be led past a policy: its controls, providers' words.

LiteLLM takes OpenAI's parameters, its own controls and whatever a provider may know in one flat
object, and hands unknown fields on. So these come on top of what servers of OpenAI's wire are known
to take. Where no policy sets the part that a field undoes, it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Part = Literal["decoding", "prompt", "any"]
"""What a field undoes; `any`: whatever a policy sets."""

EXTRA_BODY = "extra_body"
"""Its fields are laid over the request when it is sent, and win over everything there."""

DETOURS = (
    "fallbacks", "context_window_fallbacks", "content_policy_fallbacks",
    "context_window_fallback_dict", "models", "user_config", "model_list", "silent_model",
)  # fmt: skip
"""Fields by which a client names other models than the one whose policy was chosen, some with
messages and settings of their own."""

OVERRIDES: Mapping[str, Part] = {
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

BLIND: Mapping[str, Part] = {**OVERRIDES, **dict.fromkeys((EXTRA_BODY, *DETOURS), "any")}
"""All of them, where nobody knows whether LiteLLM reads them: `extra_body` goes as a whole."""
