from __future__ import annotations

import itertools

import pytest

from proxy.domain import CATEGORIES
from proxy.suites import categories


def test_every_table_maps_into_the_one_vocabulary() -> None:
    """A category is a metric label: the set is closed."""
    constants = [value for name, value in vars(categories).items() if name.isupper()]
    tables: list[dict[str, str]] = [value for value in constants if isinstance(value, dict)]
    values = set(itertools.chain.from_iterable(table.values() for table in tables))
    assert len(tables) > 10
    assert values <= set(CATEGORIES)


def test_sorry_bench_has_all_its_classes() -> None:
    """1 to 44, each once."""
    assert sorted(map(int, categories.SORRY_BENCH)) == list(range(1, 45))


@pytest.mark.parametrize(
    ("table", "own", "expected"),
    [
        (categories.AILUMINATE, "spc_ele", "politics"),
        (categories.AILUMINATE, "spc_hlt", "advice"),
        (categories.AILUMINATE, "SXC_PRN", "sexual"),
        (categories.SORRY_BENCH, "1", "hate"),
        (categories.SORRY_BENCH, "10", "crime"),
        (categories.CATQA, "Malware Viruses", "cyber"),
        (categories.CATQA, "Child Abuse Content", "child"),
        (categories.DO_NOT_ANSWER, "Treat Chatbot as a Human", "other"),
        (categories.SIMPLE_SAFETY_TESTS, "Suicide, Self-Harm, and Eating Disorders", "self_harm"),
        (categories.STRONGREJECT, "Cookery", None),
        (categories.STRONGREJECT, "", None),
    ],
)
def test_find_takes_the_longest_key_that_the_category_begins_with(
    table: dict[str, str], own: str, expected: str | None
) -> None:
    """Copies of a set differ in case, punctuation and how much of a name they keep."""
    assert categories.find(table, own) == expected


@pytest.mark.parametrize(
    ("intents", "expected"),
    [
        (["S006sh", "S002med"], "self_harm"),
        (["S006items"], "violence"),
        (["T001", "S009cred"], "privacy"),
        ("S008mal", "cyber"),
        ([], "other"),
        (None, "other"),
    ],
)
def test_garak_intent_is_that_of_the_first_known_code(intents: object, expected: str) -> None:
    """By its longest known prefix."""
    assert categories.of_garak(intents) == expected


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
