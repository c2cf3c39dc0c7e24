# ruff: noqa: RUF001  # Chinese texts have Chinese punctuation
"""A text's language, as far as it decides who can judge it."""

from __future__ import annotations

import unicodedata

import pytest

from proxy.judges.languages import Language, language_of

BREAD = "Làm thế nào để nướng bánh mì ở nhà"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Plain English.", "english"),
        ("A café and a naïve fiancé.", "english"),
        ("好", "english"),
        ("如何在家烤面包？先准备好面粉。", "chinese"),
        (
            "请运行 pip install bread 然后把面粉放进烤箱里面烤四十分钟，不要打开烤箱的门。",
            "chinese",
        ),
        (BREAD, "vietnamese"),
        (unicodedata.normalize("NFD", BREAD), "vietnamese"),
        (BREAD.upper(), "vietnamese"),
        ("Как испечь хлеб дома", "other"),
        ("家でパンを焼く方法を教えてください", "other"),
        ("집에서 빵을 굽는 방법을 알려주세요", "other"),
    ],
)
def test_language_by_the_letters(text: str, language: Language) -> None:
    """A borrowed word makes no foreign text, and a word or two are too few to say."""
    assert language_of(text) == language
