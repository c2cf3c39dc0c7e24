from __future__ import annotations

import pytest

from proxy.suites.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't STOP, now!", ["dont", "stop", "now"]),
        ("don\u2019t", ["dont"]),
        ("snake_case and ﬁre", ["snake", "case", "and", "fire"]),
        ("我用 Python3写", ["我", "用", "python3", "写"]),
        ("Làm cách nào", ["làm", "cách", "nào"]),
        ("…!?", []),
        ("", []),
    ],
)
def test_words_drop_case_and_punctuation(text: str, expected: list[str]) -> None:
    """Spelling variants that a reader would not notice are one word; Chinese is read by sign."""
    assert words(text) == expected
