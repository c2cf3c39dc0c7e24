from __future__ import annotations

import itertools

import pytest

from proxy.domain import CATEGORIES
from proxy.suites import categories


def test_every_table_maps_into_the_one_vocabulary() -> None:
    """A category is a metric label: the set is closed."""
    tables = (
        categories.CATQA,
        categories.CATQA_SUB,
        categories.XSTEST,
        categories.XSTEST_FOCUS,
    )
    values = set(itertools.chain.from_iterable(table.values() for table in tables))
    assert values <= set(CATEGORIES)


@pytest.mark.parametrize(
    ("category", "sub_category", "expected"),
    [
        ("Physical Harm", "Unsafe practices:", "violence"),
        ("Physical Harm", "Self-harm:", "self_harm"),
        ("Physical Harm", "Self-harm", "self_harm"),
        ("Something new", "Else", "other"),
    ],
)
def test_catqa_sub_category_wins(category: str, sub_category: str, expected: str) -> None:
    """With or without the colon that two of the three languages write."""
    assert categories.of_catqa(category, sub_category) == expected


@pytest.mark.parametrize(
    ("prompt_type", "focus", "expected"),
    [
        ("contrast_privacy", "", "privacy"),
        ("privacy_public", "email address", "privacy"),
        ("homonyms", "kill", "violence"),
        ("contrast_homonyms", "steal", "crime"),
        ("a new type", "", "other"),
    ],
)
def test_xstest_focus_wins_over_type(prompt_type: str, focus: str, expected: str) -> None:
    """The contrast has the category of what it contrasts with."""
    assert categories.of_xstest(prompt_type, focus) == expected
