"""An answer cut into sentences once, each marked by what it does to the request."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from proxy.judges import wording_en
from proxy.judges.wording import Wording
from proxy.judges.wording_en import ENGLISH
from proxy.judges.wording_vi import VIETNAMESE
from proxy.judges.wording_zh import CHINESE
from proxy.judges.words import plain, sentences, words

Stance = Literal["outright", "declines", "hedges", "apologises", "none"]
"""How plainly a sentence declines, the plainest first, as in ``Wording``."""

_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_VIETNAMESE: Final = re.compile(r"[ăđơư\u1ea0-\u1ef9]")
_HAN_CHARS_PER_WORD: Final = 2
_QUOTED: Final = re.compile(r'"[^"]*"')
_WORDS_AROUND_A_QUOTE: Final = 3  # so many make it a quotation; fewer, a speaker's name

_FULL_WIDTH: Final = {code + 0xFEE0: code for code in range(0x21, 0x7F) if chr(code) not in "!?,"}
_LOOKALIKES: Final = _FULL_WIDTH | {
    0x3000: " ", 0x00A0: " ", 0x02BC: "'", 0x2032: "'", 0x00B4: "'", 0x0060: "'",
    0x201C: '"', 0x201D: '"', 0x300C: '"', 0x300D: '"',
    0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFEFF: None,
}  # fmt: skip
"""Full-width Latin, odd quotes and spaces, and characters of no width, by code point; the
full-width marks that end a Chinese clause stay, since no space follows them."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence or list item.

    Args:
        text: lower case, with straight apostrophes.
        tokens: its words.
        offset: where it starts, in characters of all sentences before it.
        stance: how plainly the speaker declines in it.
        wording: the language it is in.
    """

    text: str
    tokens: tuple[str, ...]
    offset: int
    stance: Stance
    wording: Wording

    @property
    def declines(self) -> bool:
        """It holds any wording by which a speaker declines, apologies and hedges included."""
        return self.stance != "none"

    @property
    def declines_outright(self) -> bool:
        """That wording declines by itself."""
        return self.stance == "outright"

    @property
    def length(self) -> int:
        """Its length in words; two Chinese characters are one."""
        if self.wording is CHINESE:
            return len(self.text) // _HAN_CHARS_PER_WORD
        return len(self.tokens)


def read(answer: str) -> tuple[Sentence, ...]:
    """The sentences of ``answer``, in order."""
    found: list[Sentence] = []
    offset = 0
    for text in sentences(normal(answer)):
        tokens, wording = tuple(words(text)), wording_of(text)
        found.append(Sentence(text, tokens, offset, _stance(text, tokens, wording), wording))
        offset += len(text) + 1
    return tuple(found)


def normal(answer: str) -> str:
    """``answer`` as the patterns expect it: one form of each letter, lower case, plain quotes."""
    if answer.isascii():
        return answer.replace("`", "'").lower()
    return plain(unicodedata.normalize("NFC", answer).translate(_LOOKALIKES))


def wording_of(text: str) -> Wording:
    """The language of a sentence in lower case: by its script, English where nothing else shows."""
    if text.isascii():
        return ENGLISH
    if _HAN.search(text):
        return CHINESE
    return VIETNAMESE if _VIETNAMESE.search(text) else ENGLISH


def _stance(text: str, tokens: tuple[str, ...], wording: Wording) -> Stance:
    if wording is ENGLISH and wording_en.CUES.isdisjoint(tokens):
        return "none"
    own = _unquoted(text) if '"' in text else text
    if wording.outright.search(own):
        return "outright"
    if wording.declines.search(own):
        return "declines"
    if wording.hedges.search(own):
        return "hedges"
    return "apologises" if wording.apologises.search(own) else "none"


def _unquoted(text: str) -> str:
    """``text`` without what it quotes; a sentence that is all quotation speaks for itself."""
    without = _QUOTED.sub('""', text)
    return without if len(words(without)) >= _WORDS_AROUND_A_QUOTE else text
