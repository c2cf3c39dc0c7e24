"""Whether a text reads like English at all: the order of its words and of its letters.

Two small tables of how much likelier neighbours are than chance. Word order looks only at the
function words that frame a sentence, with every other word as one class, so that the subject does
not matter; text with its words shuffled loses exactly that. Letter order tells typing at random
from words.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from proxy.judges import trained
from proxy.judges.words import FUNCTION_WORDS, sentences, words

ALPHABET: Final = " abcdefghijklmnopqrstuvwxyz"
EDGE: Final = "|"
OTHER: Final = "*"
NUMBER: Final = "#"
ORDER_CHARS: Final = 1500
LETTER_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class Fluency:
    """The two tables.

    Args:
        order: word class → the class after it → log of how much likelier than chance; a pair
            that is absent is as likely as chance.
        letters: letter → the letter after it → log10 of P(next | letter); the blank is a letter.
    """

    order: Mapping[str, Mapping[str, float]]
    letters: Mapping[str, Mapping[str, float]]

    def word_order(self, text: str) -> float:
        """The mean log-odds of neighbouring word classes; 0 is chance, prose about 0.3."""
        scores = [self.order.get(a, {}).get(b, 0.0) for a, b in class_pairs(text[:ORDER_CHARS])]
        return sum(scores) / max(1, len(scores))

    def letter_order(self, text: str) -> float:
        """The mean log10 likelihood of the next letter; prose is near -1.05, random keys -2.2."""
        scores = [self.letters[a][b] for a, b in letter_pairs(text[:LETTER_CHARS])]
        return sum(scores) / max(1, len(scores))


def class_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Neighbouring word classes, sentence by sentence, with an `EDGE` at both ends of each."""
    for sentence in sentences(text):
        classes = [_word_class(word) for word in words(sentence)]
        if len(classes) > 1:  # a single word has no order to judge
            yield from itertools.pairwise([EDGE, *classes, EDGE])


def letter_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Neighbouring letters inside words of plain Latin letters, a blank around each word."""
    for word in words(text):
        if word.isascii() and word.isalpha():
            yield from itertools.pairwise(f" {word} ")


def _word_class(word: str) -> str:
    if word in FUNCTION_WORDS:
        return word
    return NUMBER if word[0].isdigit() else OTHER


@cache
def load_fluency() -> Fluency:
    """The tables that ship with the judge."""
    document = json.loads(trained.content_of("fluency.json"))
    return Fluency(order=document["order"], letters=document["letters"])
