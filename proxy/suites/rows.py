"""From a file's rows to prompts: the checks that every format shares, all mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from proxy.domain import CATEGORIES, Kind, Prompt, Split
from proxy.errors import Problem
from proxy.policy import wording
from proxy.suites.suite import prompt_id

_KINDS: tuple[Kind, ...] = get_args(Kind)
_SPLITS: tuple[Split, ...] = get_args(Split)
_SHOWN_CHARS = 80
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in a file, unchecked.

    Args:
        line: 1-based; None where the format has no lines that can be told.
        path: where in the file, for formats that nest; empty otherwise.
        file: its own file, where a suite is a folder of them; empty otherwise.
    """

    text: Any
    kind: Any
    category: Any = "other"
    split: Any = None
    is_lookalike: Any = False
    line: int | None = None
    path: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a format's reader found in a file: its rows, and what is wrong beyond single rows."""

    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()


Reader = Callable[[str, str], Content]
"""(the file's text, its path for messages) → its rows; raises nothing for bad content."""


def check(
    content: Content, *, file: str, suite: str, allows_repeats: bool
) -> tuple[tuple[Prompt, ...], tuple[Problem, ...]]:
    """The prompts of the rows, and every problem in file order.

    Args:
        content: what the reader found.
        file: the path as the user typed it.
        suite: the suite's id.
        allows_repeats: whether a text that stands in an earlier row is dropped (published sets have
            a few) or is a problem (a file of the user's own).
    """
    problems = list(content.problems)
    first: dict[str, tuple[Row, Prompt]] = {}
    for row in content.rows:
        mistakes = _mistakes(row)
        if not mistakes:
            prompt = _prompt(row, suite)
            earlier = first.setdefault(prompt.id, (row, prompt))
            mistakes = _clash(row, prompt, *earlier, allows_repeats=allows_repeats)
        problems += (Problem(row.file or file, mistake, row.line, row.path) for mistake in mistakes)
    if not content.rows and not problems:
        problems.append(Problem(file, "there are no prompts in it; give a file with at least one."))
    problems.sort(key=lambda problem: (problem.file, problem.line or 0))
    return tuple(prompt for _, prompt in first.values()), tuple(problems)


def _prompt(row: Row, suite: str) -> Prompt:
    text = row.text.strip()
    return Prompt(
        id=prompt_id(text),
        text=text,
        kind=row.kind,
        category=row.category,
        suite=suite,
        split=row.split,
        is_lookalike=row.is_lookalike,
    )


def _mistakes(row: Row) -> list[str]:
    """What is wrong with a row by itself; the prompt's text is never repeated in a message."""
    mistakes = []
    if not isinstance(row.text, str):
        said = "missing" if row.text is None else wording.shown(row.text)
        mistakes.append(f"the prompt is {said}, but must be a text in quotes.")
    elif not row.text.strip():
        mistakes.append("the prompt is empty; write one or remove the row.")
    elif has_half_character(row.text):
        mistakes.append("the prompt holds half a surrogate pair (\\ud800 to \\udfff); remove it.")
    mistakes += _unless_one_of("kind", row.kind, _KINDS)
    mistakes += _unless_one_of("category", row.category, CATEGORIES)
    if row.split is not None:
        mistakes += _unless_one_of("split", row.split, _SPLITS)
    if not isinstance(row.is_lookalike, bool):
        mistakes.append(f"lookalike is {shown(row.is_lookalike)}, but must be true or false.")
    elif row.is_lookalike and row.kind == "harmful":
        mistakes.append("lookalike is true on a harmful prompt; only benign ones can look alike.")
    return mistakes


def _clash(
    row: Row, prompt: Prompt, first_row: Row, first: Prompt, *, allows_repeats: bool
) -> list[str]:
    if row is first_row:
        return []
    where = f"line {first_row.line}" if first_row.line else first_row.path
    if first_row.file != row.file:
        where += f" of {first_row.file}"
    if prompt.kind != first.kind:
        return [f"the same prompt is {first.kind} in {where} and {prompt.kind} here; keep one."]
    if not allows_repeats:
        return [f"the same prompt stands in {where}; remove one of the two."]
    return []


def _unless_one_of(name: str, value: Any, allowed: Sequence[str]) -> list[str]:
    if isinstance(value, str) and value in allowed:
        return []
    return [f"{name} is {shown(value)}, but must be one of {', '.join(allowed)}."]


def has_half_character(text: str) -> bool:
    """Whether it holds half a surrogate pair, as JSON's escapes can: no model can be sent that."""
    return _HALF.search(text) is not None


def shown(value: Any) -> str:
    """A value for a message, cut to a line's length."""
    if value is None:
        return "missing"
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARS else shown[: _SHOWN_CHARS - 1] + "…"
