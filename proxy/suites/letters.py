# ruff: noqa: RUF001  # Chinese answers have Chinese punctuation
"""Which option a free-text answer to a multiple-choice question picks, or that it picks none.

Careful on purpose: an answer that names no option, or several without saying which is the answer,
picks none. Counting it as wrong or guessing for it would hide refusals and broken text, so it stays
a class of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxy.suites.words import words

LETTERS = "ABCDEF"
"""The letters of the options, in order; six is the most any suite here has."""

# A bare "answer D" mostly goes on with "is incorrect because": it needs a link, or the text's end.
_BARE = r"\banswer\b(?=\s*(?:is\b|would\b|[:：=*\n-])|\s+[(\[]?[A-F][)\].]*\s*\Z)"
_MARK = re.compile(
    r"\[\[\s*answer\s*\]\]|\\boxed|\bfinal\s+(?:answer|choice)\b"
    rf"|\b(?:correct|right|best)\s+(?:answer|choice|option)\b|{_BARE}"
    r"|答案|(?:故|应该?|应当|我)选择?(?!项)",
    re.IGNORECASE,
)
_LINK = r"(?:\s*(?:is|would\s+be|应该是|应为|是|为))?[\s:：=*_`'\"“”「（(\[{$-]*"
# "A" is also an English article: "the answer is A because" picks it, "A fume hood should" does not.
_LETTER = r"(?P<letter>A(?!\s+(?!because\b|since\b|as\b|is\b)[a-z])|[B-F])(?![A-Za-z0-9'’])"
_SMALL = r"(?<=[(\[（])(?P<small>[a-f])(?=[)\]）])"
_NOT_SEVERAL = r"(?![)\]）.]*\s*(?:/|,|、|&|\bor\b|\band\b|或|和|与)\s*[(\[（]?[A-F](?![A-Za-z]))"
_AFTER_MARK = re.compile(rf"{_LINK}(?:{_LETTER}|{_SMALL}){_NOT_SEVERAL}")
_AT_START = re.compile(
    rf"[\s*_`(\[（]*(?P<letter>[A-F]){_NOT_SEVERAL}(?:[*_`]*\s*[)\]）.:：。、，,]|[\s*_`]*(?:\n|$))"
)
_ALONE = re.compile(r"\s*[(\[（]?(?P<letter>[a-f])[)\]）.]?\s*")
_IN_BRACKETS = re.compile(r"[(\[（]([A-F])[)\]）]")
_LISTED = re.compile(r"^[\s*_`(\[（]*([A-F])[*_`]*\s*[)\]）.:：、]", re.MULTILINE)
_CLAUSE_END = re.compile(r"[,.;:!?，。；：！？\n]")
_THOUGHT_END = "</think>"
_WHOLE_PHRASE_WORDS = 4


def chosen(answer: str, options: Sequence[str]) -> int | None:
    """The index of the option that the answer picks; None where it picks none, or several.

    In this order: what follows the last words such as "the answer is" or ``[[ANSWER]]``; a letter
    at the start; the only letter in brackets; an option's own text at the start.
    """
    text = answer.rpartition(_THOUGHT_END)[2]
    index = _after_mark(text, options)
    if index is None:
        index = _by_letter(text)
    if index is None:
        index = _by_text(text, options)
    return index if index is not None and index < len(options) else None


def _after_mark(text: str, options: Sequence[str]) -> int | None:
    for mark in reversed(list(_MARK.finditer(text))):
        found = _AFTER_MARK.match(text, mark.end())
        if found:
            return LETTERS.index((found["letter"] or found["small"]).upper())
        rest = re.sub(r"^\s*(?:is|是|为)?[\s:：*_`\"“]*", "", text[mark.end() :])
        index = _by_text(rest, options)
        if index is not None:
            return index
    return None


def _by_letter(text: str) -> int | None:
    if alone := _ALONE.fullmatch(text):
        return LETTERS.index(alone["letter"].upper())
    if len(set(_LISTED.findall(text))) > 1:  # it went through the options and picked none of them
        return None
    if start := _AT_START.match(text):
        return LETTERS.index(start["letter"])
    in_brackets = set(_IN_BRACKETS.findall(text))
    return LETTERS.index(in_brackets.pop()) if len(in_brackets) == 1 else None


def _by_text(text: str, options: Sequence[str]) -> int | None:
    """The only option that the text's first clause or line is, or that a longer text begins with.

    Short options must be the whole clause, so that "No doubt …" is not the option "No".
    """
    stripped = text.strip()
    whole = words(stripped)
    starts = [words(stripped.split("\n", 1)[0]), words(_CLAUSE_END.split(stripped, maxsplit=1)[0])]
    picked = [
        index
        for index, option in enumerate(map(words, options))
        if option
        and (
            option in starts
            or (len(option) >= _WHOLE_PHRASE_WORDS and whole[: len(option)] == option)
        )
    ]
    return picked[0] if len(picked) == 1 else None
