from __future__ import annotations

import pytest

from proxy.errors import Problem
from proxy.suites.choice_rows import ChoiceContent, ChoiceRow, check_choices
from proxy.suites.choices import ChoiceQuestion

GOOD = ChoiceRow(" Which? ", ["a ", "b"], 1, "advice", ("heat",), line=2)


def _check(
    *rows: ChoiceRow, problems: tuple[Problem, ...] = ()
) -> tuple[tuple[ChoiceQuestion, ...], list[str]]:
    content = ChoiceContent(rows, problems)
    questions, found = check_choices(content, file="f", suite="s", template="{question}{options}")
    return questions, [str(problem) for problem in found]


def test_good_row_becomes_a_question_without_blanks_around() -> None:
    """The same question in two files has one id."""
    (question,), problems = _check(GOOD)
    assert problems == []
    assert (question.question, question.options, question.answer) == ("Which?", ("a", "b"), 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ChoiceRow(None, ["a", "b"], 0, "ip"), "the question is missing or empty; write"),
        (ChoiceRow(" ", ["a", "b"], 0, "ip"), "the question is missing or empty; write"),
        (ChoiceRow("q", ["a"], 0, "ip"), "there must be two to 6 options, each a text;"),
        (ChoiceRow("q", ["a", ""], 0, "ip"), "there must be two to 6 options, each a text;"),
        (ChoiceRow("q", "ab", 0, "ip"), "there must be two to 6 options, each a text;"),
        (ChoiceRow("q\udc00", ["a", "b"], 0, "ip"), "its text holds half a surrogate pair"),
        (ChoiceRow("q", ["a", "b\ud83d"], 0, "ip"), "its text holds half a surrogate pair"),
        (ChoiceRow("q", ["a", "b"], 2, "ip"), "the answer is 2, but must be one of the 2 options"),
        (ChoiceRow("q", ["a", "b"], None, "ip"), "the answer is missing, but must be one of"),
        (ChoiceRow("q", ["a", "b"], True, "ip"), "the answer is True, but must be one of"),
        (ChoiceRow("q", ["a", "b"], 0, None, ("x",)), "its category is ('x',), which this suite"),
    ],
)
def test_bad_row_is_told_with_its_value(row: ChoiceRow, message: str) -> None:
    """And never with its question."""
    questions, (found,) = _check(row)
    assert questions == ()
    assert found.startswith(f"f: {message}")


def test_repeats_are_dropped_unless_their_answers_differ() -> None:
    """Then one of the two is wrong, and nobody can say which."""
    again = ChoiceRow("Which?", ["a", "b"], 1, "advice", line=3)
    other = ChoiceRow("Which?", ["a", "b"], 0, "advice", line=4)
    questions, problems = _check(GOOD, again, other)
    assert len(questions) == 1
    assert problems == ["f:4: the same question has another answer in an earlier row; keep one."]


def test_problems_are_in_file_order_and_an_empty_file_is_one() -> None:
    """Also those that the reader found."""
    rows = (ChoiceRow("q", [], 0, "ip", line=5),)
    _, problems = _check(*rows, problems=(Problem("f", "odd", 9), Problem("f", "odder", 3)))
    assert [problem.split(":")[1] for problem in problems] == ["3", "5", "9"]
    assert _check() == ((), ["f: there are no questions in it; give a file with some."])
