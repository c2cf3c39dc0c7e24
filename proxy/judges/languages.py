"""Which of the languages that judges read a text is in: by its letters, not by its words."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

Language = Literal["english", "chinese", "vietnamese", "other"]
"""``english`` is any text in plain Latin letters, and one too short to say."""

_FOREIGN_SHARE: Final = 0.15
_FOREIGN_MIN_LETTERS: Final = 8
_HAN_SHARE: Final = 0.5
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_KANA: Final = re.compile(r"[\u3040-\u30ff]")
_VIETNAMESE: Final = re.compile(r"[ăđơư\u1ea0-\u1ef9]", re.IGNORECASE)
_LATIN_ENDS: Final = "\u1eff"
_VIETNAMESE_SHARE: Final = 0.05


def language_of(text: str) -> Language:
    """The language of a text, well enough to know which judge can read it."""
    if text.isascii():
        return "english"
    composed = unicodedata.normalize("NFC", text)
    letters = [char for char in composed if char.isalpha()]
    foreign = sum(not char.isascii() for char in letters)
    if len(letters) < _FOREIGN_MIN_LETTERS or foreign <= _FOREIGN_SHARE * len(letters):
        return "english"
    if len(_HAN.findall(composed)) > _HAN_SHARE * len(letters):
        return "other" if _KANA.search(composed) else "chinese"
    is_latin = all(char <= _LATIN_ENDS for char in letters)
    own = len(_VIETNAMESE.findall(composed))
    return "vietnamese" if is_latin and own > _VIETNAMESE_SHARE * len(letters) else "other"
