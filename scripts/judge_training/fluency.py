"""Fits the tables of :mod:`proxy.judges.fluency` on answers that people and good models wrote."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from proxy.judges.fluency import ALPHABET, class_pairs, letter_pairs

SMALLEST = 0.2
LARGEST = 3.0


def fit_fluency(texts: Sequence[str]) -> dict[str, Any]:
    """Both tables, rounded to one decimal for word order and two for letters."""
    return {"order": _fit_order(texts), "letters": _fit_letters(texts)}


def _fit_order(texts: Iterable[str]) -> dict[str, dict[str, float]]:
    pairs = Counter(pair for text in texts for pair in class_pairs(text))
    total = sum(pairs.values())
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (a, b), count in pairs.items():
        first[a] += count
        second[b] += count
    table: dict[str, dict[str, float]] = {}
    for a in sorted(first):
        for b in sorted(second):
            expected = first[a] * second[b] / total
            odds = math.log((pairs[a, b] + 1) / (expected + 1))
            if abs(odds) >= SMALLEST:
                table.setdefault(a, {})[b] = round(max(-LARGEST, min(LARGEST, odds)), 1)
    return table


def _fit_letters(texts: Iterable[str]) -> dict[str, dict[str, float]]:
    pairs = Counter(pair for text in texts for pair in letter_pairs(text))
    table: dict[str, dict[str, float]] = {}
    for a in ALPHABET:
        total = sum(pairs[a, b] + 1 for b in ALPHABET)
        table[a] = {b: round(math.log10((pairs[a, b] + 1) / total), 2) for b in ALPHABET}
    return table
