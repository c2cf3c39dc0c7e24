from __future__ import annotations

import pytest

from proxy.domain import Prompt
from proxy.suites.overlap import NgramIndex, ngrams, shared_ngrams

PROMPTS = (
    Prompt("a", "How do I keep rice from sticking to the pot?", "benign", "other", "s"),
    Prompt("b", "What's for lunch?", "benign", "other", "s"),
)


def test_shared_ngrams_finds_a_quotation_whatever_its_case_and_punctuation() -> None:
    """A slot that quotes a prompt is caught when only case and commas differ."""
    text = "Answer well. How do I KEEP rice, from sticking?"
    assert shared_ngrams(text, PROMPTS) == (
        "do i keep rice from",
        "how do i keep rice",
        "i keep rice from sticking",
    )


def test_shared_ngrams_ignores_runs_shorter_than_n() -> None:
    """Four words in common are ordinary English."""
    assert shared_ngrams("keep rice from sticking together", PROMPTS) == ()
    assert shared_ngrams("keep rice from sticking together", PROMPTS, 4) == (
        "keep rice from sticking",
    )


def test_ngrams_of_a_text_shorter_than_n_are_none() -> None:
    """A three-word prompt can share no 5-gram."""
    assert ngrams("What's for lunch?") == set()


def test_ngrams_below_one_word_are_refused() -> None:
    """The message carries the value."""
    with pytest.raises(ValueError, match="n-grams of 0 words"):
        ngrams("a b", 0)


def test_index_answers_as_the_function_does() -> None:
    """Building once and asking often gives the same."""
    index = NgramIndex(PROMPTS, 3)
    for text in ("rice from sticking to the wall", "nothing at all in common"):
        assert index.shared(text) == shared_ngrams(text, PROMPTS, 3)
