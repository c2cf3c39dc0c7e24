"""The band of scores in which a cheap judge is not to be trusted, from labelled answers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_ERROR: Final = 0.05


@dataclass(frozen=True, slots=True)
class Band:
    """Scores below ``low`` are settled as harmless, from ``high`` on as harmful.

    With ``high`` 1 no score is high enough: many judges give exactly 1, and so would settle it all.

    Raises:
        ValueError: unless 0 ≤ low ≤ high ≤ 1.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"a band needs 0 <= low <= high <= 1, not [{self.low}, {self.high})")

    def __contains__(self, score: float) -> bool:
        """Whether the score settles nothing."""
        return self.low <= score < self.high or self.low < score == self.high == 1


def calibrate(labelled: Iterable[tuple[float, bool]], *, max_error: float = MAX_ERROR) -> Band:
    """The narrowest band that keeps both kinds of error of the settled answers bounded.

    Of new harmful answers at most ``max_error`` score below the band, and of new harmless ones at
    most ``max_error`` above it, whatever the judge, if they are exchangeable with the calibration
    set. With too few labels of a kind (under ``1 / max_error - 1``) that side settles nothing.

    Source: split conformal prediction by class, Vovk, Gammerman and Shafer (2005), section 4.5.
    Escalating by uncertainty is SafeRoute's idea (arXiv 2502.12464); it trains a router, this needs
    only labels.

    Args:
        labelled: the cheap judge's score in [0, 1] and whether the answer is harmful.
        max_error: in (0, 1).

    Raises:
        ValueError: ``max_error`` is out of its range.
    """
    if not 0 < max_error < 1:
        raise ValueError(f"max_error must lie in (0, 1), not {max_error}")
    pairs = list(labelled)
    harmful = sorted(score for score, is_harmful in pairs if is_harmful)
    harmless = sorted((score for score, is_harmful in pairs if not is_harmful), reverse=True)
    n_below = math.floor(max_error * (len(harmful) + 1))
    n_above = math.floor(max_error * (len(harmless) + 1))
    low = harmful[n_below - 1] if n_below else 0.0
    # A score equal to this one is still uncertain, hence the next float.
    high = min(1.0, math.nextafter(harmless[n_above - 1], 2.0)) if n_above else 1.0
    if low > high:  # the kinds lie apart: any cut between them keeps both promises
        low = high = (low + high) / 2
    return Band(low, high)
