"""An answer cut into sentences once, each marked as declining or not."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.judges import phrases
from proxy.judges.words import plain, sentences, words


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence or list item.

    Args:
        text: lower case, with straight apostrophes.
        tokens: its words.
        offset: where it starts, in characters of all sentences before it.
        declines: it holds a wording by which the speaker declines.
        declines_outright: that wording declines by itself; an apology alone does not.
    """

    text: str
    tokens: tuple[str, ...]
    offset: int
    declines: bool
    declines_outright: bool


def read(answer: str) -> tuple[Sentence, ...]:
    """The sentences of ``answer``, in order."""
    found: list[Sentence] = []
    offset = 0
    for text in sentences(plain(answer)):
        tokens = tuple(words(text))
        declines = not phrases.REFUSAL_CUES.isdisjoint(tokens) and bool(
            phrases.REFUSAL.search(text)
        )
        outright = declines and bool(phrases.STRONG_REFUSAL.search(text))
        found.append(Sentence(text, tokens, offset, declines, outright))
        offset += len(text) + 1
    return tuple(found)
