"""Builds llama.cpp's sampler chains from a plan."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from proxy.engine.prototypes import Prototypes
from proxy.engine.sampling import Sampler, Sampling, plan_chain
from proxy.engine.vocabulary import LlamaVocabulary

_FRESH_SEED = 0xFFFF_FFFF
"""LLAMA_DEFAULT_SEED: llama.cpp then draws one itself. Those that are given lie below."""

_MIN_KEEP = 1
_MIROSTAT_M = 100
"""Candidates that mirostat 1 estimates its exponent from, as in the paper and in llama.cpp."""


def build_chain(
    library: Any,
    vocabulary: LlamaVocabulary,
    sampling: Sampling,
    prompt: Sequence[int],
    *,
    prototypes: Prototypes,
) -> Any:
    """A chain for one sequence; `llama_sampler_free` on it frees its links too.

    Args:
        library: the module ``llama_cpp``.
        vocabulary: of the model whose logits it will see.
        sampling: what it does.
        prompt: penalties look back into it, as llama-server's do.
        prototypes: of links that are costly to make, of this vocabulary.
    """
    params = library.llama_sampler_chain_default_params()
    params.no_perf = True
    chain = library.llama_sampler_chain_init(params)
    for sampler in plan_chain(sampling):
        link = _link(library, vocabulary, sampling, sampler, prototypes=prototypes)
        library.llama_sampler_chain_add(chain, link)
    n_history = sampling.n_history
    for token in prompt if n_history < 0 else prompt[max(0, len(prompt) - n_history) :]:
        library.llama_sampler_accept(chain, token)
    return chain


def _link(
    library: Any,
    vocabulary: LlamaVocabulary,
    sampling: Sampling,
    sampler: Sampler,
    *,
    prototypes: Prototypes,
) -> Any:
    seed = _FRESH_SEED if sampling.seed is None else sampling.seed % _FRESH_SEED
    value = sampler.value
    builders = {
        "logit_bias": lambda: _logit_bias(library, vocabulary, sampling),
        "penalties": lambda: _penalties(library, vocabulary, sampling),
        "dry": lambda: prototypes.clone(
            _dry_settings(sampling), lambda: _dry(library, vocabulary, sampling)
        ),
        "top_k": lambda: library.llama_sampler_init_top_k(int(value)),
        "typical_p": lambda: library.llama_sampler_init_typical(value, _MIN_KEEP),
        "top_p": lambda: library.llama_sampler_init_top_p(value, _MIN_KEEP),
        "min_p": lambda: library.llama_sampler_init_min_p(value, _MIN_KEEP),
        "xtc": lambda: library.llama_sampler_init_xtc(
            sampling.xtc_probability, sampling.xtc_threshold, _MIN_KEEP, seed
        ),
        "temperature": lambda: library.llama_sampler_init_temp(value),
        "mirostat": lambda: library.llama_sampler_init_mirostat(
            vocabulary.n_tokens, seed, sampling.mirostat_tau, sampling.mirostat_eta, _MIROSTAT_M
        ),
        "mirostat_v2": lambda: library.llama_sampler_init_mirostat_v2(
            seed, sampling.mirostat_tau, sampling.mirostat_eta
        ),
        "greedy": library.llama_sampler_init_greedy,
        "draw": lambda: library.llama_sampler_init_dist(seed),
    }
    return builders[sampler.kind]()


def _penalties(library: Any, vocabulary: LlamaVocabulary, sampling: Sampling) -> Any:
    return library.llama_sampler_init_penalties(
        vocabulary.n_tokens,
        _window(sampling.repeat_last_n, vocabulary),
        sampling.repeat_penalty,
        sampling.frequency_penalty,
        sampling.presence_penalty,
    )


def _dry_settings(sampling: Sampling) -> tuple[object, ...]:
    return (
        sampling.dry_multiplier,
        sampling.dry_base,
        sampling.dry_allowed_length,
        sampling.dry_penalty_last_n,
        sampling.dry_sequence_breakers,
    )


def _dry(library: Any, vocabulary: LlamaVocabulary, sampling: Sampling) -> Any:
    breakers = [text.encode() for text in sampling.dry_sequence_breakers]
    return library.llama_sampler_init_dry(
        vocabulary.handle,
        sampling.dry_multiplier,
        sampling.dry_base,
        sampling.dry_allowed_length,
        _window(sampling.dry_penalty_last_n, vocabulary),
        (ctypes.c_char_p * len(breakers))(*breakers),
        len(breakers),
    )


def _window(n_last: int, vocabulary: LlamaVocabulary) -> int:
    """Tokens to look back on; bounded, as llama.cpp allocates that many for each request."""
    longest = vocabulary.n_ctx_train
    return longest if n_last < 0 else min(n_last, longest)


def _logit_bias(library: Any, vocabulary: LlamaVocabulary, sampling: Sampling) -> Any:
    biases = (library.llama_logit_bias * len(sampling.logit_bias))()
    for place, (token, bias) in zip(biases, sampling.logit_bias, strict=True):
        place.token, place.bias = token, bias
    return library.llama_sampler_init_logit_bias(vocabulary.n_tokens, len(biases), biases)
