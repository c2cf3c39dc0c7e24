"""A judge's published errors, small enough to travel in its asset and be read by a program.

``docs/judges/*.md`` is the same card for people, with everything else that was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Card:
    """What thresholded verdicts were worth against labels.

    Whoever corrects a rate by them assumes that its answers are like those of the `set`.

    Args:
        sensitivity: (judged harmful, all) of the answers labelled harmful.
        specificity: (judged harmless, all) of the answers labelled harmless.
        set: what it was measured on, in words.

    Raises:
        ValueError: unless 0 ≤ k ≤ n in both counts.
    """

    sensitivity: tuple[int, int]
    specificity: tuple[int, int]
    set: str

    def __post_init__(self) -> None:
        for k, n in (self.sensitivity, self.specificity):
            if not 0 <= k <= n:
                raise ValueError(f"a card counts k of n with 0 <= k <= n, not {k} of {n}")

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The card as an asset holds it: two lists of two counts and a text."""
        hits, passes = document["sensitivity"], document["specificity"]
        return cls((hits[0], hits[1]), (passes[0], passes[1]), document["set"])
