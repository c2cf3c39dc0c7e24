"""From a file's rows to multiple-choice questions: the checks all share, all mistakes at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy.domain import CATEGORIES
from proxy.errors import Problem
from proxy.suites.choices import ChoiceQuestion, question_id
from proxy.suites.letters import LETTERS
from proxy.suites.rows import has_half_character, shown


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """One row as it stands in a file, unchecked; ``answer`` is an index once it was readable."""

    question: Any
    options: Any
    answer: Any
    category: Any
    topics: tuple[str, ...] = ()
    line: int | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceContent:
    """What a format's reader found in a file: its rows, and what is wrong beyond single rows."""

    rows: tuple[ChoiceRow, ...] = ()
    problems: tuple[Problem, ...] = ()


def check_choices(
    content: ChoiceContent, *, file: str, suite: str, template: str
) -> tuple[tuple[ChoiceQuestion, ...], tuple[Problem, ...]]:
    """The questions of the rows, exact repeats left out, and every problem in file order.

    Args:
        content: what the reader found.
        file: the path as the user typed it.
        suite: the suite's id.
        template: the suite's own wording of a question.
    """
    problems = list(content.problems)
    first: dict[str, ChoiceQuestion] = {}
    for row in content.rows:
        mistakes = _mistakes(row)
        if not mistakes:
            question = _question(row, suite, template)
            known = first.setdefault(question.id, question)
            if known.answer != question.answer:
                mistakes = ["the same question has another answer in an earlier row; keep one."]
        problems += (Problem(file, mistake, row.line, row.path) for mistake in mistakes)
    if not content.rows and not problems:
        problems.append(Problem(file, "there are no questions in it; give a file with some."))
    problems.sort(key=lambda problem: problem.line or 0)
    return tuple(first.values()), tuple(problems)


def _question(row: ChoiceRow, suite: str, template: str) -> ChoiceQuestion:
    question, options = row.question.strip(), tuple(option.strip() for option in row.options)
    return ChoiceQuestion(
        id=question_id(question, options),
        question=question,
        options=options,
        answer=row.answer,
        category=row.category,
        suite=suite,
        topics=row.topics,
        template=template,
    )


def _mistakes(row: ChoiceRow) -> list[str]:
    """What is wrong with a row by itself; its texts are never repeated in a message."""
    mistakes = []
    if not isinstance(row.question, str) or not row.question.strip():
        mistakes.append("the question is missing or empty; write one or remove the row.")
    if row.category not in CATEGORIES:
        mistakes.append(f"its category is {shown(row.topics)}, which this suite does not have.")
    if not _are_options(row.options):
        return [
            *mistakes,
            f"there must be two to {len(LETTERS)} options, each a text; check this row's options.",
        ]
    if any(map(has_half_character, (str(row.question), *row.options))):
        mistakes.append("its text holds half a surrogate pair (\\ud800 to \\udfff); remove it.")
    if type(row.answer) is not int or not 0 <= row.answer < len(row.options):
        letters = LETTERS[: len(row.options)]
        mistakes.append(
            f"the answer is {shown(row.answer)}, but must be one of the {len(letters)} options "
            f"({letters[0]} to {letters[-1]}, or 0 to {len(letters) - 1})."
        )
    return mistakes


def _are_options(options: Any) -> bool:
    return (
        isinstance(options, list)
        and 2 <= len(options) <= len(LETTERS)  # noqa: PLR2004  # one option is no choice
        and all(isinstance(option, str) and option.strip() for option in options)
    )
