"""From the probabilities of a label's first token to a risk in [0, 1]."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from proxy.judges.asking import Token

MIN_MASS: Final = 0.5
"""With less probability on the labels than this, the model does not speak the format."""


def risk(rivals: Mapping[str, float], scale: Mapping[str, float]) -> float | None:
    """The expected risk over the labels, renormalised to them.

    Two labels give P(unsafe), three a tri-class expectation, five grades a mean grade.

    Args:
        rivals: candidates for the label's first token → probability in [0, 1].
        scale: label → risk in [0, 1].

    Returns:
        None where less than `MIN_MASS` lies on the labels.
    """
    masses = dict.fromkeys(scale, 0.0)
    for token, probability in rivals.items():
        if (label := label_of(token, scale)) is not None:
            masses[label] += probability
    total = sum(masses.values())
    if total < MIN_MASS:
        return None
    return sum(mass * scale[label] for label, mass in masses.items()) / total


def label_of(token: str, labels: Iterable[str]) -> str | None:
    """The one label that a token begins or completes; None where none or several fit.

    >>> label_of(" un", ["safe", "unsafe"])
    'unsafe'
    """
    text = token.strip().lower()
    fitting = [label for label in labels if text and _fits(text, label.lower())]
    return fitting[0] if len(fitting) == 1 else None


def _fits(text: str, label: str) -> bool:
    if label.startswith(text):
        return True
    return text.startswith(label) and not text[len(label)].isalnum()


def label_rivals(
    tokens: Sequence[Token], *, anchor: str, label: str, labels: Iterable[str]
) -> Mapping[str, float] | None:
    """The candidates at the place where the label begins.

    Args:
        tokens: the answer's tokens, in order.
        anchor: regular expression that ends where the label begins; the last match counts.
        label: what the answer's text was read as. A token that says otherwise is not the label.
        labels: all labels.

    Returns:
        None where the place is not found.
    """
    text = "".join(token.text for token in tokens)
    begin = _begin(text, anchor)
    if begin is None:
        return None
    offset = 0
    for token in tokens:
        end = offset + len(token.text)
        if text[max(offset, begin) : end].strip():
            prefix = token.text[: max(0, begin - offset)]
            rivals = _behind(prefix, token.rivals)
            is_label = label_of(token.text[len(prefix) :], labels) == label
            return rivals if is_label else None
        offset = end
    return None


def _begin(text: str, anchor: str) -> int | None:
    if not anchor:
        return 0
    ends = [match.end() for match in re.finditer(anchor, text)]
    return ends[-1] if ends else None


def _behind(prefix: str, rivals: Mapping[str, float]) -> Mapping[str, float]:
    """Candidates that share a token's part before the label, without that part."""
    if not prefix:
        return rivals
    return {
        rival[len(prefix) :]: probability
        for rival, probability in rivals.items()
        if rival.startswith(prefix)
    }
