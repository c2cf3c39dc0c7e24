"""The named ratios: each repeat's own, as only what ran side by side compares; then the median."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.engine.measures import Figures

Runs = Mapping[str, Mapping[int, Figures]]
"""``workload/contender`` → repeat → figures."""

Measure = Callable[[Figures], float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio over all repeats.

    Args:
        value: the median.
        minimum: of the repeats.
        maximum: of the repeats.
        n: repeats in which both sides ran.
        target: what it should reach; None where the issue names none.
        is_at_most: whether the target is an upper limit.
    """

    value: float
    minimum: float
    maximum: float
    n: int
    target: float | None = None
    is_at_most: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the median reaches the target; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.is_at_most else self.value >= self.target

    def row(self, name: str) -> str:
        """One row of a table: name, median and spread, repeats, target, verdict."""
        target = ""
        if self.target is not None:
            target = f"{'≤' if self.is_at_most else '≥'} {self.target:g}"
        verdict = {True: "met", False: "**missed**", None: ""}[self.is_met]
        spread = f"{self.value:.3f} [{self.minimum:.3f}, {self.maximum:.3f}]"
        return f"| `{name}` | {spread} | {self.n} | {target} | {verdict} |"


@dataclass(frozen=True, slots=True)
class Definition:
    """How a ratio comes about: ``measure(left) / measure(right)``, or ``measure(left)`` alone.

    Args:
        left: ``workload/contender``.
        right: the same of the other side, or None.
        measure: of either side.
        target: see :class:`Ratio`.
        is_at_most: see :class:`Ratio`.
    """

    left: str
    right: str | None
    measure: Measure
    target: float | None = None
    is_at_most: bool = False

    def of(self, runs: Runs) -> Ratio | None:
        """The ratio, or None where a side is missing."""
        values = list(self._values(runs).values())
        if not values:
            return None
        return Ratio(
            median(values), min(values), max(values), len(values), self.target, self.is_at_most
        )

    def _values(self, runs: Runs) -> dict[int, float]:
        left = {repeat: self.measure(one) for repeat, one in runs.get(self.left, {}).items()}
        if self.right is None:
            return left
        right = {repeat: self.measure(one) for repeat, one in runs.get(self.right, {}).items()}
        return {repeat: left[repeat] / right[repeat] for repeat in left.keys() & right.keys()}


def _speed(figures: Figures) -> float:
    return figures.tokens_per_s


def _extra(name: str) -> Measure:
    return lambda figures: figures.extra[name]


def _share_of_steps(name: str) -> Measure:
    return lambda figures: figures.extra[name] / figures.extra["steps_s"]


DEFINITIONS: Mapping[str, Definition] = {
    "ratio_vs_native_16": Definition("16 own/guardtune", "16 own/native", _speed, 1.0),
    "ratio_vs_native_16_shared": Definition(
        "16 shared/guardtune", "16 shared/native", _speed, 1.2
    ),
    "ratio_vs_native_16_shared_warm": Definition("16 warm/guardtune", "16 warm/native", _speed),
    "ratio_vs_high_level_16": Definition("16 own/guardtune", "16 own/high_level", _speed, 3.0),
    "ratio_vs_high_level_16_shared": Definition(
        "16 shared/guardtune", "16 shared/high_level", _speed, 3.0
    ),
    "ratio_vs_high_level_1": Definition("1 own/guardtune", "1 own/high_level", _speed, 0.95),
    "python_share_of_step": Definition(
        "16 own, profiled/guardtune_profiled", None, _share_of_steps("python_s"), 0.05,
        is_at_most=True,
    ),
    "sampler_share_of_step": Definition(
        "16 own, profiled/guardtune_profiled", None, _share_of_steps("sampler_s")
    ),
    "itl_p99_over_median_with_long_prompt": Definition(
        "long prompt amid 8/guardtune", None, _extra("itl_p99_over_median"), 3.0, is_at_most=True
    ),
    "itl_p99_over_median_with_long_prompt_native": Definition(
        "long prompt amid 8/native", None, _extra("itl_p99_over_median")
    ),
    "busy_ratio_vs_default": Definition(
        "16 own, busy/guardtune", "16 own, busy/guardtune_default_openmp", _speed, 1.5
    ),
    "busy_ratio_vs_default_1": Definition(
        "1 own, busy/guardtune", "1 own, busy/guardtune_default_openmp", _speed
    ),
    "busy_ratio_vs_native_16": Definition("16 own, busy/guardtune", "16 own, busy/native", _speed),
    "evaluation_ratio_vs_naive": Definition(
        "evaluation/guardtune_tuner", "evaluation/high_level", _extra("prompts_per_s"), 3.0
    ),
}  # fmt: skip


def ratios(runs: Runs, names: Sequence[str] = tuple(DEFINITIONS)) -> dict[str, Ratio]:
    """All ratios of which both sides ran."""
    found = {name: DEFINITIONS[name].of(runs) for name in names}
    return {name: ratio for name, ratio in found.items() if ratio is not None}
