"""Cutting text into words, sentences and n-grams."""

from __future__ import annotations

from proxy.judges import words


def test_words_lower_case_and_keep_inner_apostrophes() -> None:
    """Curly apostrophes count as straight ones; punctuation is dropped."""
    assert words.words("I CAN\u2019T help, 2 times!") == ["i", "can't", "help", "2", "times"]


def test_words_of_other_scripts_are_kept() -> None:
    """A text in another script is not empty."""
    assert words.words("Xin chào 世界") == ["xin", "chào", "世界"]


def test_content_words_drop_grammar_and_plural_endings() -> None:
    """Only what carries the subject stays, in a form that meets its plural."""
    assert words.content_words("How do the dogs and a glass fit?") == {"dog", "glass", "fit"}


def test_sentences_end_at_marks_and_new_lines() -> None:
    """Quotes after an end belong to the end, and list items are sentences."""
    text = 'He said "no." Then he left.\n1. First item\n\nDone! 完了。好'
    assert words.sentences(text) == [
        'He said "no.', "Then he left.", "1. First item", "Done!", "完了。", "好",
    ]  # fmt: skip


def test_ngrams_of_too_few_tokens_are_none() -> None:
    """There is no 4-gram in three words."""
    assert list(words.ngrams(["a", "b", "c"], 4)) == []
    assert list(words.ngrams(["a", "b", "c"], 2)) == [("a", "b"), ("b", "c")]
