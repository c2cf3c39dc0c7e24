"""What each kind of upstream honours, as tables that ``policy.apply`` reads.

``settings`` translates a policy's names (llama.cpp's) into request fields, ``ranges`` are values
that a server refuses although a policy may have them, ``aliases`` are other fields that mean the
same, ``overrides`` are fields that would undo what a policy enforces. Each row has a test. When a
server learns a new field, a row is added here and nowhere else.

Constrained output (``grammar``, ``response_format``, ``guided_*``) is no override: it shapes an
answer and is part of what clients legitimately ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from proxy.backends.config import Flavour
from proxy.backends.litellm_fields import BLIND, Part
from proxy.domain import Capabilities

OPENAI_NAMES = (
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "max_tokens", "seed", "stop",
    "logit_bias",
)  # fmt: skip

LLAMA_CPP_NAMES = (
    *OPENAI_NAMES, "top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n",
    "dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n",
    "dry_sequence_breakers", "xtc_probability", "xtc_threshold", "mirostat", "mirostat_tau",
    "mirostat_eta",
)  # fmt: skip
"""Every setting that a policy can name; llama.cpp knows them all by the same names."""

# tools/server/server-schema.cpp: `samplers` and `backend_sampling` replace the whole chain,
# `min_keep` disarms every truncation, `dynatemp_*` and `adaptive_*` move the temperature. With
# `mirostat` on, top_k, top_p, min_p and typical_p are not applied at all. `lora` switches weights.
_LLAMA_SERVER_OVERRIDES: Mapping[str, Part] = {
    "samplers": "decoding",
    "sampler_seq": "decoding",
    "backend_sampling": "decoding",
    "min_keep": "decoding",
    "dynatemp_range": "decoding",
    "dynatemp_exponent": "decoding",
    "adaptive_target": "decoding",
    "adaptive_decay": "decoding",
    "mirostat": "decoding",
    "ignore_eos": "decoding",
    "lora": "prompt",
    "chat_template": "prompt",
    "chat_template_kwargs": "prompt",
    "add_generation_prompt": "prompt",
    "continue_final_message": "prompt",
    "prefill_assistant": "prompt",
    "n_keep": "prompt",
    "n_discard": "prompt",
}

# vllm/entrypoints/openai/chat_completion/protocol.py: beam search ignores the sampling settings,
# `vllm_xargs` and `logits_processors` reach custom samplers, `min_tokens` and `ignore_eos` suppress
# the end; `truncate_prompt_tokens` cuts the prompt, with a default from the left, where the system
# message is; the rest changes how messages become a prompt.
_VLLM_OVERRIDES: Mapping[str, Part] = {
    "use_beam_search": "decoding",
    "logits_processors": "decoding",
    "vllm_xargs": "decoding",
    "min_tokens": "decoding",
    "ignore_eos": "decoding",
    "chat_template": "prompt",
    "chat_template_kwargs": "prompt",
    "add_generation_prompt": "prompt",
    "continue_final_message": "prompt",
    "add_special_tokens": "prompt",
    "truncate_prompt_tokens": "prompt",
    "truncation_side": "prompt",
    "documents": "prompt",
    "echo": "prompt",
}

# router/src/lib.rs, ChatRequest: both become part of the prompt.
_TGI_OVERRIDES: Mapping[str, Part] = {"guideline": "prompt", "tool_prompt": "prompt"}

_FEW_STOPS = {"stop": (1, 4)}
"""OpenAI's limit, and TGI's unless it was started with another: `--max-stop-sequences`."""

_NOT_TGIS = frozenset({"logit_bias", "presence_penalty"})


_LITTLE = 1e-3
"""As near to an end of a range as a number may come that must not lie on it."""


def _same(names: tuple[str, ...]) -> dict[str, str]:
    return {name: name for name in names}


_TABLES: Mapping[Flavour, Capabilities] = {
    # What stands behind a URL of this flavour is unknown, so it gets everybody's overrides, also
    # those of a LiteLLM proxy: OpenAI itself refuses these fields anyway. Some such servers
    # continue an assistant message.
    "openai": Capabilities(
        settings=_same(OPENAI_NAMES),
        aliases={"max_completion_tokens": "max_tokens", "n_predict": "max_tokens"},
        overrides={**BLIND, **_VLLM_OVERRIDES, **_LLAMA_SERVER_OVERRIDES, **_TGI_OVERRIDES},
        continues_assistant=True,
        ranges=_FEW_STOPS,
    ),
    "vllm": Capabilities(
        settings={
            **_same((*OPENAI_NAMES, "top_k", "min_p")),
            "repeat_penalty": "repetition_penalty",
        },
        aliases={"max_completion_tokens": "max_tokens"},
        overrides=_VLLM_OVERRIDES,
        ranges={"top_p": (_LITTLE, 1.0)},  # vllm/sampling_params.py
    ),
    # `n_predict` wins over both others (oaicompat_chat_params_parse copies it last). A trailing
    # assistant message is continued unless the server runs with --no-prefill-assistant.
    "llama_server": Capabilities(
        settings=_same(LLAMA_CPP_NAMES),
        aliases={"max_completion_tokens": "max_tokens", "n_predict": "max_tokens"},
        overrides=_LLAMA_SERVER_OVERRIDES,
        continues_assistant=True,
    ),
    # openai/openai.go, ChatCompletionRequest: these fields and no others; the rest, also
    # `max_completion_tokens` and `options`, is not even decoded. Its templates leave a trailing
    # assistant message open.
    "ollama": Capabilities(
        settings=_same(tuple(name for name in OPENAI_NAMES if name != "logit_bias")),
        continues_assistant=True,
    ),
    # router/src/lib.rs, ChatRequest: `logit_bias` is unused, and `presence_penalty` becomes a
    # repetition penalty of two more, which is another thing. Some chat templates leave a trailing
    # assistant message open.
    "tgi": Capabilities(
        settings=_same(tuple(name for name in OPENAI_NAMES if name not in _NOT_TGIS)),
        overrides=_TGI_OVERRIDES,
        continues_assistant=True,
        ranges={**_FEW_STOPS, "top_p": (_LITTLE, 1.0 - _LITTLE)},  # router/src/validation.rs
    ),
}


def capabilities(
    flavour: Flavour,
    *,
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
) -> Capabilities:
    """The table of one flavour.

    Args:
        flavour: which server it is.
        max_tokens_field: how it wants to be told; OpenAI's reasoning models refuse ``max_tokens``.
    """
    table = _TABLES[flavour]
    if max_tokens_field == "max_tokens":
        return table
    aliases = {name: setting for name, setting in table.aliases.items() if name != max_tokens_field}
    return Capabilities(
        settings={**table.settings, "max_tokens": max_tokens_field},
        aliases={**aliases, "max_tokens": "max_tokens"},
        overrides=table.overrides,
        continues_assistant=table.continues_assistant,
        ranges=table.ranges,
    )
