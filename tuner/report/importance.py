"""Which genes set good candidates apart: rank-based PED-ANOVA, with chance taken off.

For each gene, the values of the best quarter of the candidates are held against those of all: the
Pearson divergence between the two is 0 where the gene does not matter. Few candidates and many
values make it positive by chance alone, so the mean over shuffled ranks is subtracted. A search
prefers what it has found good, so its candidates are no random sample; the bootstrap over
candidates says how much hangs on which ones were tried, and cannot say more.

Source: Watanabe, Bansal and Hutter (2023), PED-ANOVA, IJCAI 2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proxy.evaluation.statistics import Interval
from tuner.report.genes import Value

TOP_SHARE = 0.25

LEAST_CANDIDATES = 20
"""With fewer there are no five in the best quarter, and nothing is said."""

_SHUFFLES = 200
_RESAMPLES = 400

Floats = np.ndarray
Ints = np.ndarray


@dataclass(frozen=True, slots=True)
class Importance:
    """One gene's share in what makes candidates good.

    Args:
        gene: its name.
        value: divergence above chance; near or below 0 where the gene does not matter.
        interval: 95 %, bootstrap over candidates.
    """

    gene: str
    value: float
    interval: Interval

    @property
    def is_shown(self) -> bool:
        """Whether even the lower bound lies above chance."""
        return self.interval.low > 0


def importance(
    genes: Sequence[Mapping[str, Value]], losses: Sequence[float], *, seed: int = 0
) -> tuple[Importance, ...]:
    """Every gene's importance for one objective, the largest first; none for too few candidates.

    Args:
        genes: of each candidate, the same genes in all.
        losses: of each candidate, the lower the better; ties fall at random.
        seed: of shuffles and resamples.
    """
    if len(losses) < LEAST_CANDIDATES:
        return ()
    rng = np.random.default_rng(seed)
    values = np.asarray(losses, dtype=float)
    found = (
        _importance(name, _coded([one[name] for one in genes]), values, rng) for name in genes[0]
    )
    return tuple(sorted(found, key=lambda one: -one.value))


def _importance(name: str, codes: Ints, losses: Floats, rng: np.random.Generator) -> Importance:
    chance = np.mean([_divergence(codes, rng.permutation(losses), rng) for _ in range(_SHUFFLES)])
    resampled = []
    for _ in range(_RESAMPLES):
        picked = rng.integers(0, losses.size, losses.size)
        mine, theirs = codes[picked], losses[picked]
        # A resample repeats candidates, which adds divergence of its own: so does its shuffle.
        shuffled = _divergence(mine, rng.permutation(theirs), rng)
        resampled.append(_divergence(mine, theirs, rng) - shuffled)
    low, high = np.quantile(resampled, [0.025, 0.975])
    value = float(_divergence(codes, losses, rng) - chance)
    return Importance(name, value, Interval(float(low), float(high)))


def _divergence(codes: Ints, losses: Floats, rng: np.random.Generator) -> float:
    """Pearson divergence of the best quarter's values from all values."""
    order = np.lexsort((rng.random(losses.size), losses))
    top = order[: max(1, round(TOP_SHARE * losses.size))]
    everywhere = np.bincount(codes) / codes.size
    best = np.bincount(codes[top], minlength=everywhere.size) / top.size
    seen = everywhere > 0
    ratio = best[seen] / everywhere[seen] - 1
    return float(np.sum(everywhere[seen] * ratio**2))


def _coded(values: Sequence[Value]) -> Ints:
    return np.unique([str(value) for value in values], return_inverse=True)[1]
