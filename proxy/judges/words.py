"""How judges cut text into words, sentences and n-grams: one rule, shared by all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
_FULL_WIDTH = "\u3002\uff01\uff1f"  # the Chinese full stop, exclamation and question mark
_END = rf"[.!?\u2026{_FULL_WIDTH}]"
_CLOSING = r"[\"'\u201d\u2019)\]*`]*"  # quotes, brackets and Markdown that may follow an end
_NOT_A_NUMBER = r"(?<!^\d\.)(?<!^\d\d\.)(?<!\s\d\.)(?<!\s\d\d\.)"  # "1. Mix" is one item
_BETWEEN_SENTENCES: Final = re.compile(
    rf"(?<={_END}){_NOT_A_NUMBER}{_CLOSING}\s+|\n+|(?<=[{_FULL_WIDTH}])", re.MULTILINE
)

SENTENCE_END: Final = _END + _CLOSING
"""A pattern for the end of a sentence, with the quotes and brackets that close after it."""

SHORTEST_CONTENT_WORD: Final = 3
SHORTEST_PLURAL: Final = 4

FUNCTION_WORDS: Final = frozenset(
    """a about after again all also an and any are as at be because been before being both but by
    can could did do does doing down during each few for from further had has have having he her
    here hers him his how i if in into is it its itself just like me more most my no nor not now
    of off on once only or other our out over own please same she should so some such than that
    the their them then there these they this those through to too under until up us very was we
    were what when where which while who whom why will with would you your""".split()  # noqa: SIM905 - a word list reads best as words
)
"""Words that carry grammar rather than a subject; their absence says the text is not English."""


def plain(text: str) -> str:
    """``text`` in lower case and with straight apostrophes, as every pattern expects it."""
    return text.replace("\u2019", "'").replace("\u2018", "'").lower()


def words(text: str) -> list[str]:
    """The lower-case words of ``text``: letters and digits of any script, inner apostrophes."""
    return _WORD.findall(plain(text))


def content_words(text: str) -> set[str]:
    """The words of ``text`` that carry its subject, a plural ``s`` cut so that forms meet."""
    return content_of(words(text))


def content_of(tokens: Iterable[str]) -> set[str]:
    """Like :func:`content_words`, of words already cut."""
    return {
        _singular(word)
        for word in tokens
        if len(word) >= SHORTEST_CONTENT_WORD and word not in FUNCTION_WORDS
    }


def _singular(word: str) -> str:
    is_plural = len(word) >= SHORTEST_PLURAL and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if is_plural else word


def sentences(text: str) -> list[str]:
    """The sentences and list items of ``text``, in order, none of them empty."""
    return [part for raw in _BETWEEN_SENTENCES.split(text) if (part := raw.strip())]


def ngrams(tokens: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    """Every run of ``n`` neighbouring tokens, in order; none when there are fewer than ``n``."""
    return zip(*(tokens[start:] for start in range(n)), strict=False)
