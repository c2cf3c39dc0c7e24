"""How this room reads text as words; everything that compares prompts compares these."""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = re.compile(r"['\u2019\u02bc]")
# Chinese and Japanese are written without spaces, so each character of them is a word here.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(f"[{_CJK}]|[^\\W_{_CJK}]+")


def words(text: str) -> list[str]:
    """The words of a text: case, punctuation and apostrophes gone, so ``Don't!`` is ``dont``."""
    plain = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())
    return _WORD.findall(plain)
