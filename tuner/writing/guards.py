"""What keeps a written text out of the search: form, honesty, substance and novelty, in this order.

A search would gladly adopt a text that quotes what it is measured on, or that pleases the judge
rather than the user. Patterns stop the plain cases; what they miss is still measured like any other
policy, on prompts that the writer has never seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from proxy.judges.degenerate import LETTERS_LOWEST, ORDER_MIN_WORDS, is_looping
from proxy.judges.fluency import load_fluency
from proxy.judges.languages import language_of
from proxy.judges.words import FUNCTION_WORDS
from proxy.judges.words import words as judged_words
from proxy.suites.overlap import NgramIndex, ngrams
from proxy.suites.words import words
from tuner.writing.request import INSTRUCTIONS, MAX_WORDS

MAX_CHARS: Final = 8 * MAX_WORDS
"""For scripts in which a word says little of the length."""

MIN_WORDS: Final = 3

MAX_WORD_CHARS: Final = 30
"""Longer ones are keys, hashes and the like: no secrets in a policy."""

ALIKE: Final = 0.85
"""Share of words in common from which two texts count as one."""

_ORDER_LOWEST: Final = -0.5
"""Of word order. Judges take -0.2, but instructions are terser than answers: a text of our own
library has -0.28, shuffled words about -0.8."""

_LITTLE_WORDS: Final = 0.15
"""Share of function words that makes a text English; the library's texts have .29 to .57."""

_LEAST_TOLD: Final = 8
"""Words from which that share says something."""

_FENCE: Final = re.compile(r"<prompt>(.*)</prompt>", re.DOTALL)
_TAG: Final = re.compile(r"</?prompt>")

_MARKUP: Final = frozenset("<>{}[]|\\`#*_=~^@$+")
"""Chat templates, placeholders, Markdown, code and addresses are written with these."""

_ADDRESS: Final = re.compile(r"://|\bwww\.", re.IGNORECASE)

_REPLY: Final = re.compile(
    r"(?:i|i'm|i'll|i've|sure|certainly|of course|okay|ok|sorry|unfortunately|here|as an ai|"
    r"thank you|thanks)\b"
)
"""How a model answers a request, where it should have written a passage."""

_JUDGING: Final = re.compile(
    r"\b(?:judge[ds]?|judging|grad(?:e[ds]?|er|ers|ing)|scor(?:e[ds]?|ing|er)|rubrics?|"
    r"evaluat\w+|benchmarks?|classifiers?|metrics?|datasets?|moderation|red.team\w*|"
    r"test (?:sets?|suites?|splits?|prompts?|cases?))\b"
)
"""Words of whoever measures: a policy is written for those who use the model."""

_GAMING: Final = re.compile(
    r"\b(?:repeat|restat|echo|cop[iy]|quot|parrot|mirror)\w*\b.{0,40}"
    r"\b(?:questions?|requests?|prompts?|messages?|users?|words?|inputs?)\b"
    r"|\b(?:say|answer|repl(?:y|ies)|respond|write|output|return)\w*(?: with)?(?: only)?"
    r" (?:nothing|an empty|a blank|no words|gibberish|nonsense|random)\b"
    r"|\b(?:base64|rot13|morse|hexadecimal|backwards|pig latin|cipher|encod\w+|"
    r"(?:an)?other language)\b"
)
"""Ways to look relevant without an answer, and to write so that no judge can read it."""

_LEAKING: Final = re.compile(
    r"\b(?:system prompts?|(?:these|this|your|the above|previous) (?:instructions?|prompts?|"
    r"rules)|passages?|the (?:original|given|new) text|the assistant|"
    r"rephras\w+|rewritten|small (?:chat )?(?:model|assistant)|language model)\b"
)
"""Talk of the prompt itself, and of the writer's own task: the model would repeat it to users."""


def fenced(said: str) -> str | None:
    """The one text between ``<prompt>`` and ``</prompt>``, white space made single blanks.

    None where there is none or more than one, so that thinking aloud is never taken for a text.
    """
    if len(_TAG.findall(said)) != 2:  # noqa: PLR2004 - one opens, one closes
        return None
    found = _FENCE.search(said)
    return None if found is None else " ".join(found[1].split())


def likeness(first: str, second: str) -> float:
    """The share of words that two texts have in common, whatever their order, in [0, 1].

    Source: Dice's coefficient, over words with their counts.
    """
    mine, theirs = Counter(words(first)), Counter(words(second))
    total = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / total if total else 1.0


@dataclass(frozen=True, slots=True)
class Guards:
    """Decides whether a written text may enter the search.

    Args:
        prompts: of every suite that the run measures on, all splits.
    """

    prompts: NgramIndex

    def why_not(self, text: str, *, like: str, known: Iterable[str]) -> str | None:
        """The first guard that stops a text, in a few words; None for a text that may pass.

        Args:
            text: as :func:`fenced` gives it.
            like: a text in whose language it should be.
            known: texts that it must not merely say again.
        """
        return _form(text) or self._honesty(text) or _substance(text, like) or _novelty(text, known)

    def _honesty(self, text: str) -> str | None:
        plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
        if self.prompts.shared(text):
            return "quotes a prompt"
        if ngrams(text) & _ASKED:
            return "repeats its own request"
        if _JUDGING.search(plain):
            return "speaks of being judged"
        if _GAMING.search(plain):
            return "games the judge"
        return "speaks of the prompt" if _LEAKING.search(plain) else None


_ASKED: Final = ngrams(INSTRUCTIONS)


def _form(text: str) -> str | None:
    """Length and characters."""
    found = words(text)
    if len(found) < MIN_WORDS:
        return "too short"
    if len(found) > MAX_WORDS or len(text) > MAX_CHARS:
        return "too long"
    if max(map(len, found)) > MAX_WORD_CHARS:
        return "a word that is none"
    is_plain = not _ADDRESS.search(text) and all(map(_is_prose, text))
    return None if is_plain else "characters"


def _is_prose(char: str) -> bool:
    """Letters, digits, blanks and the punctuation of sentences; nothing invisible."""
    if char in _MARKUP or not char.isprintable():
        return False
    return unicodedata.category(char)[0] != "S"


def _substance(text: str, like: str) -> str | None:
    """Whether it is a passage in the right language, rather than a reply or nonsense."""
    if language_of(text) != language_of(like):
        return "another language"
    tokens = judged_words(text)
    if is_looping(text, tokens) or _is_babble(text, tokens):
        return "nonsense"
    if _is_english(like) and len(tokens) >= _LEAST_TOLD and not _is_english(text):
        return "another language"
    plain = text.replace("\u2019", "'").casefold()
    return "a reply, no passage" if _REPLY.match(plain) else None


def _is_babble(text: str, tokens: Sequence[str]) -> bool:
    """Letters at random, or words in no order; told for plain Latin letters only."""
    if not text.isascii():
        return False
    fluency = load_fluency()
    if fluency.letter_order(text) < LETTERS_LOWEST:
        return True
    return len(tokens) >= ORDER_MIN_WORDS and fluency.word_order(text) < _ORDER_LOWEST


def _is_english(text: str) -> bool:
    """Whether it has English's little words; nothing at all is as good as English."""
    tokens = judged_words(text)
    if not tokens:
        return True
    return sum(word in FUNCTION_WORDS for word in tokens) >= _LITTLE_WORDS * len(tokens)


def _novelty(text: str, known: Iterable[str]) -> str | None:
    return "said before" if any(likeness(text, one) >= ALIKE for one in known) else None
