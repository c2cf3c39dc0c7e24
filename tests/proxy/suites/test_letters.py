# ruff: noqa: RUF001  # Chinese answers have Chinese punctuation
from __future__ import annotations

import pytest

from proxy.suites.letters import chosen

OPTIONS = ("Balance weights", "Gas cylinders", "Chemical reaction apparatus", "Small bottles")
YES_NO = ("Yes.", "No.")


@pytest.mark.parametrize(
    "answer",
    [
        "B",
        "b",
        " (B)\n",
        "(b)",
        "B.",
        "B) Gas cylinders",
        "B: Gas cylinders, since they are tall.",
        "**B**",
        "**B.** Gas cylinders",
        "B\n\nGas cylinders block the vent.",
        "The answer is B.",
        "The correct answer is (B) Gas cylinders.",
        "The right option is **B**, not A.",
        "[[ANSWER]] B",
        "[[ANSWER]] (B)",
        "[[ANSWER]] $B",
        "Answer: B",
        "I think it is so.\nAnswer B.",
        "The answer is B. Answer D is incorrect because it is small.",
        "answer: (b)",
        r"So \boxed{B}",
        "A: no. B: perhaps. C: no. D: no.\nFinal Answer: B",
        "Final Choice: B",
        "Answer: A. On reflection, the answer is B.",
        "<think>The answer is A?</think>The answer is B.",
        "I would go for (B).",
        "答案：B",
        "答案是（B）。",
        "正确答案应为B",
        "故选B。",
        "Gas cylinders",
        "gas cylinders.",
        "Gas cylinders, because they are tall",
        "The answer is gas cylinders.",
        "Answer: Gas cylinders",
    ],
)
def test_chosen_finds_the_second_option(answer: str) -> None:
    """However it is written: letter, brackets, marker words, Chinese, or the option's text."""
    assert chosen(answer, OPTIONS) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot help with that.",
        "A fume hood should be kept closed.",
        "The answer is A fume hood.",
        "A or B",
        "The answer is A or B.",
        "The answer is (A) and (C).",
        "A, B and C",
        "(A) and (C) both matter.",
        "A: Balance weights\nB: Gas cylinders\nC: Chemical reaction apparatus\nD: Small bottles",
        "E",
        "[[ANSWER]] F",
        "The answer is a mystery.",
        "Answer D is incorrect because it is small.",
        "The answer is not B.",
        "Gas cylinders or small bottles",
        "选项A错误，选项B也错误。",
        "Be careful with all of them.",
    ],
)
def test_chosen_is_none_where_nothing_or_several_are_picked(answer: str) -> None:
    """Articles, lists of the options, letters that are no option: none of them is an answer."""
    assert chosen(answer, OPTIONS) is None


def test_chosen_takes_an_article_like_letter_where_a_reason_follows() -> None:
    """A is an option and an article; a reason behind it shows which."""
    assert chosen("The answer is A because it is heavy.", OPTIONS) == 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("Yes", 0), ("No, it does not.", 1), ("No doubt it does.", None), ("Yes. No.", 0)],
)
def test_chosen_reads_short_options_as_whole_clauses(answer: str, expected: int | None) -> None:
    """A clause that only begins with an option is another answer."""
    assert chosen(answer, YES_NO) == expected


def test_chosen_reads_chinese_options_by_clause() -> None:
    """The first clause is the option; "whether" begins with the same sign and is not."""
    assert chosen("否，文本没有冒犯。", ("是。", "否。")) == 1
    assert chosen("是否冒犯很难说。", ("是。", "否。")) is None


def test_chosen_takes_a_long_option_that_the_text_begins_with() -> None:
    """Four words or more in a row are no accident."""
    options = ("Store the acid below eye level", "Store it anywhere")
    assert chosen("Store the acid below eye level and away from heat", options) == 0
