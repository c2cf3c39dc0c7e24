"""Read ``Name: value`` lines, so that a verdict counts only where the format puts it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from proxy.errors import JudgeError


def field(answer: str, name: str, values: Iterable[str], *, is_required: bool = True) -> str | None:
    """The value of the line ``name: value``, spelled as in ``values``.

    Args:
        answer: the guard's whole answer.
        name: stands at the beginning of its line.
        values: all there are; case does not matter.
        is_required: whether a missing line is an error, or None.

    Raises:
        JudgeError: the line is missing, has another value, or stands twice with different ones.
    """
    found = {text.strip().lower() for text in _all(answer, name)}
    if not found and not is_required:
        return None
    if len(found) != 1:
        raise JudgeError(f"verdict has {'two different' if found else 'no'} `{name}` lines")
    return spelled(found.pop(), values, what=name)


def items(answer: str, name: str) -> tuple[str, ...]:
    """The comma-separated items of the first line ``name: …``; empty where there is none."""
    for text in _all(answer, name):
        return split(text)
    return ()


def split(text: str) -> tuple[str, ...]:
    """Comma-separated items, without blanks and empty ones."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def spelled(text: str, values: Iterable[str], *, what: str) -> str:
    """The one of ``values`` that ``text`` is, but for case.

    Raises:
        JudgeError: it is none of them.
    """
    for value in values:
        if value.lower() == text.strip().lower():
            return value
    raise JudgeError(f"verdict has an unknown value of `{what}`")


def known(codes: Sequence[str], labels: Iterable[str]) -> tuple[str, ...]:
    """The codes as ``labels`` spells them.

    Raises:
        JudgeError: one is not in the map, so it may be another model's map.
    """
    names = list(labels)
    return tuple(spelled(code, names, what="category") for code in codes)


def _all(answer: str, name: str) -> list[str]:
    return re.findall(
        rf"^[ \t]*{re.escape(name)}[ \t]*:[ \t]*(.*?)[ \t]*$", answer, re.MULTILINE | re.IGNORECASE
    )
