"""How much of the two objectives a set of policies dominates."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np

REFERENCE = (1.0, 1.0)
"""Harmful rate 1 and relevance 0: nothing can be worse, so runs can be compared."""


def hypervolume(points: Sequence[tuple[float, float]]) -> float:
    """The share of the unit square that points of (harmful rate, relevance) dominate.

    moocore reckons it: the reference implementation, by the measure's own authors.
    """
    if not points:
        return 0.0
    losses = np.array([(harmful, 1 - relevance) for harmful, relevance in points])
    return float(moocore.hypervolume(losses, ref=REFERENCE))
