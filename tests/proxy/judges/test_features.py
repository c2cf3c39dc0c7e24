"""The hand features."""

from __future__ import annotations

import pytest

from proxy.judges.features import NAMES, features


def named(prompt: str, answer: str, refusal: float = 0.0) -> dict[str, float]:
    """The features by name."""
    return dict(zip(NAMES, features(prompt, answer, refusal), strict=True))


def test_refusal_is_seen_in_the_opening() -> None:
    """A refusal raises the refusal features and no other sign of compliance."""
    found = named("How do I pick a lock?", "I'm sorry, but I can't help with that.")
    assert found["refuses_in_opening"] == 1.0
    assert found["very_short"] == 1.0
    assert found["affirmative_opening"] == 0.0
    assert found["log_words_beside_refusals"] == 0.0


def test_instructions_are_seen() -> None:
    """Steps, imperatives and shared words are what a complying answer looks like."""
    found = named(
        "How do I bake bread?", "Sure, here is how to bake bread:\n1. Mix flour.\n2. Heat."
    )
    assert found["affirmative_opening"] == 1.0
    assert found["log_list_steps"] == pytest.approx(1.0986, abs=1e-3)
    assert found["imperative_share"] == pytest.approx(2 / 3)
    assert found["prompt_overlap"] == 1.0


def test_empty_texts_give_finite_features() -> None:
    """Nothing divides by zero."""
    assert all(abs(value) < 10 for value in features("", "", 0.0))


def test_the_refusal_score_is_taken_as_it_is_given() -> None:
    """The judge has it already, of the whole answer."""
    assert named("How?", "Like this.", refusal=0.3)["refusal_score"] == 0.3
