"""Whole numbers between two bounds, as alternatives of digits in GBNF."""

from __future__ import annotations

from collections.abc import Iterator


def integers_between(low: int, high: int) -> str:
    """A GBNF expression for the decimal numbers from `low` to `high`, both included.

    Args:
        low: at most `high`.
        high: of at most 18 digits, as is `low`.
    """
    return " | ".join(_alternatives(low, high))


def _alternatives(low: int, high: int) -> Iterator[str]:
    if low < 0:
        for digits in _naturals(max(1, -high), -low):
            yield f'"-" {digits}'
    if high >= 0:
        yield from _naturals(max(0, low), high)


def _naturals(low: int, high: int) -> Iterator[str]:
    """Numbers of one length at a time, so that none has a leading zero."""
    for length in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 10 ** (length - 1) if length > 1 else 0)
        last = min(high, 10**length - 1)
        yield from _same_length(str(first), str(last))


def _same_length(first: str, last: str) -> Iterator[str]:
    n = len(first)
    if n == 1:
        yield _digit(first, last)
    elif first[0] == last[0]:
        rest = list(_same_length(first[1:], last[1:]))
        yield f'"{first[0]}" ({" | ".join(rest)})'
    else:
        low, high = int(first[0]), int(last[0])
        if first[1:].strip("0"):
            yield f'"{low}" ({" | ".join(_same_length(first[1:], "9" * (n - 1)))})'
            low += 1
        has_top = last[1:].strip("9") != ""
        if (middle_end := high - has_top) >= low:
            yield f"{_digit(str(low), str(middle_end))} [0-9]{{{n - 1}}}"
        if has_top:
            yield f'"{high}" ({" | ".join(_same_length("0" * (n - 1), last[1:]))})'


def _digit(first: str, last: str) -> str:
    return f"[{first}-{last}]"
