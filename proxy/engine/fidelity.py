"""How much a conversion changed a model: both files read one short text, and are compared."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy.engine.library import load_library
from proxy.engine.vocabulary import LlamaVocabulary

Logits = NDArray[np.float32]
"""(n_positions, n_vocab)"""

MAX_TOKENS = 160
"""Positions compared; bounds the memory for models with a large vocabulary."""

TEXT = (
    "The lighthouse keeper wrote down the weather every evening: wind from the west, rain before "
    "noon, two ships far out. In 1987 the lamp became electric, and nobody had to climb the 212 "
    "steps any more.\n\n"
    "How do I sort a list of names in Python, ignoring case?\n"
    "def by_name(people):\n    return sorted(people, key=lambda person: person.name.casefold())\n\n"
    "Boil the water, add a pinch of salt, and stir until the rice is soft. Serve it with beans, "
    "lemon and a little oil. Water boils at 100 °C at sea level, and at about 90 °C on a mountain "
    "of 3,000 m, because the air up there is thinner."
)
"""English, code and numbers; part of what the figures mean, so it does not change."""


class FidelityError(Exception):
    """The two files cannot be compared."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What comparing two models on `TEXT` showed.

    Args:
        n_positions: next-token predictions compared.
        top1_agreement: share at which both find the same token likeliest, in [0, 1].
        mean_kl_nats: mean Kullback-Leibler divergence of the second from the first.
        max_kl_nats: the largest of them.
    """

    n_positions: int
    top1_agreement: float
    mean_kl_nats: float
    max_kl_nats: float


def measure(original: Path, converted: Path, *, threads: int) -> Fidelity:
    """Compare two files of one model; they are loaded one after the other.

    Raises:
        FidelityError: one of them cannot be loaded or run, or their vocabularies differ.
    """
    return compare(read_text(original, threads=threads), read_text(converted, threads=threads))


def compare(first: Logits, second: Logits) -> Fidelity:
    """Compare the predictions of two models at the same positions.

    Raises:
        FidelityError: the shapes differ.
    """
    if first.shape != second.shape:
        raise FidelityError(f"the vocabularies differ: {first.shape[1:]} and {second.shape[1:]}")
    # Row by row: two whole matrices in double precision would take a gigabyte at times.
    divergences = [_kl_nats(*rows) for rows in zip(first, second, strict=True)]
    return Fidelity(
        n_positions=len(first),
        top1_agreement=float(np.mean(first.argmax(axis=1) == second.argmax(axis=1))),
        mean_kl_nats=float(np.mean(divergences)),
        max_kl_nats=float(np.max(divergences)),
    )


def read_text(path: Path, *, threads: int) -> Logits:
    """The model's logits at each position of `TEXT`.

    Raises:
        FidelityError: the file cannot be loaded or run.
    """
    library = load_library()
    params = library.llama_model_default_params()
    model = library.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise FidelityError(f"{path} cannot be loaded")
    try:
        return _logits(library, model, threads=threads)
    finally:
        library.llama_model_free(model)


def _logits(library: Any, model: Any, *, threads: int) -> Logits:
    vocabulary = LlamaVocabulary(library, model)
    start = [] if vocabulary.bos is None else [vocabulary.bos]
    tokens = (start + vocabulary.tokenize(TEXT, parse_special=False))[:MAX_TOKENS]
    params = library.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = MAX_TOKENS
    params.n_threads = params.n_threads_batch = threads
    context = library.llama_init_from_model(model, params)
    if not context:
        raise FidelityError("no context of its size can be made")
    batch = library.llama_batch_init(len(tokens), 0, 1)
    try:
        _fill(batch, tokens)
        if (status := library.llama_decode(context, batch)) != 0:
            raise FidelityError(f"llama_decode returned {status}")
        pointer = ctypes.cast(library.llama_get_logits(context), ctypes.POINTER(ctypes.c_float))
        shape = (len(tokens), vocabulary.n_tokens)
        return np.ctypeslib.as_array(pointer, shape).astype(np.float32, copy=True)
    finally:
        library.llama_batch_free(batch)
        library.llama_free(context)


def _fill(batch: Any, tokens: list[int]) -> None:
    for index, token in enumerate(tokens):
        batch.token[index] = token
        batch.pos[index] = index
        batch.n_seq_id[index] = 1
        batch.seq_id[index][0] = 0
        batch.logits[index] = 1
    batch.n_tokens = len(tokens)


def _kl_nats(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    p, q = _log_softmax(first), _log_softmax(second)
    return max(0.0, float(np.sum(np.exp(p) * (p - q))))


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - np.max(logits)
    log_sum: NDArray[np.float64] = shifted - np.log(np.sum(np.exp(shifted)))
    return log_sum
