"""Does a text read like English: word order and letter order."""

from __future__ import annotations

from random import Random

import pytest

from proxy.judges.fluency import class_pairs, letter_pairs, load_fluency

PROSE = (
    "The baker opens her shop before the sun comes up. She mixes the flour with water and lets the "
    "dough rest for an hour. When it has risen, she shapes it into loaves, and her son puts them "
    "into the oven. By seven the first people are waiting at the door for their bread."
)


def test_word_order_of_prose_is_above_chance_and_of_shuffled_prose_below() -> None:
    """The same words in no order lose what made them a text."""
    fluency = load_fluency()
    tokens = PROSE.split()
    Random(7).shuffle(tokens)
    assert fluency.word_order(PROSE) > 0.15
    assert fluency.word_order(" ".join(tokens)) < 0.0


def test_letter_order_tells_words_from_keys_hit_at_random() -> None:
    """English letters follow each other as the table expects."""
    fluency = load_fluency()
    assert fluency.letter_order(PROSE) > -1.2
    assert fluency.letter_order("xqzv kjwpf vvxq zzkrt qpwlk jxcvb wqrtz") < -1.6


def test_class_pairs_keep_grammar_and_hide_the_subject() -> None:
    """Other words and numbers are one class each; a sentence has two edges."""
    assert list(class_pairs("The 3 cats")) == [
        ("|", "the"), ("the", "#"), ("#", "*"), ("*", "|"),
    ]  # fmt: skip


def test_letter_pairs_skip_what_is_not_plain_latin() -> None:
    """Only words of the 26 letters count."""
    assert list(letter_pairs("ab é 12")) == [(" ", "a"), ("a", "b"), ("b", " ")]


@pytest.mark.parametrize("text", ["", "12 34", "世界"])
def test_texts_without_evidence_score_zero(text: str) -> None:
    """No pairs, no opinion."""
    assert load_fluency().letter_order(text) == 0.0
