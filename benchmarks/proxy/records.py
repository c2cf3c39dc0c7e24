"""What each turn of the benchmark gave, and the ratios between two that ran side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.engine.ratios import Ratio

OURS = "guardtune"

Figures = Mapping[str, float]
Compare = Callable[[Figures, Figures], float]


@dataclass(frozen=True, slots=True)
class Record:
    """One contender's turn.

    Args:
        part: ``throughput``, ``alone``, ``streams``, ``first token``, ``capacity N`` or ``start``.
        repeat: counts from 0.
        contender: its name.
        beside: the contender that ran just before or after it, to be compared with; its own name
            where there was none.
        figures: what was measured.
    """

    part: str
    repeat: int
    contender: str
    beside: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Definition:
    """A named figure of ours against one contender in one part.

    Args:
        part: see :class:`Record`.
        beside: the other contender; `OURS` for a figure of ours alone.
        compare: of our figures and the other's.
        target: what it should reach; None where the issue names none.
        is_at_most: whether that is an upper limit.
    """

    part: str
    beside: str
    compare: Compare
    target: float | None = None
    is_at_most: bool = False

    def of(self, records: Iterable[Record]) -> Ratio | None:
        """The figure over all repeats; None where a side is missing."""
        sides: dict[tuple[int, bool], Figures] = {}
        for one in records:
            if one.part == self.part and {one.contender, one.beside} == {OURS, self.beside}:
                sides[one.repeat, one.contender == OURS] = one.figures
        values = [
            self.compare(figures, sides.get((repeat, False), figures))
            for (repeat, is_ours), figures in sides.items()
            if is_ours and ((repeat, False) in sides or self.beside == OURS)
        ]
        if not values:
            return None
        return Ratio(
            median(values), min(values), max(values), len(values), self.target, self.is_at_most
        )


def ratio(name: str) -> Compare:
    """Ours over the other's."""
    return lambda ours, other: ours[name] / other[name]


def added(name: str) -> Compare:
    """Ours minus the other's."""
    return lambda ours, other: ours[name] - other[name]


def own(name: str) -> Compare:
    """Ours, whatever the other's."""
    return lambda ours, _other: ours[name]


DEFINITIONS: Mapping[str, Definition] = {
    "ratio_vs_bare": Definition("throughput", "bare", ratio("per_second"), 1.5),
    "ratio_vs_litellm": Definition("throughput", "litellm", ratio("per_second"), 60),
    "ratio_vs_nginx": Definition("throughput", "nginx", ratio("per_second"), 0.2),
    "ratio_vs_raw": Definition("throughput", "raw", ratio("per_second")),
    "cpu_ratio_vs_bare": Definition("throughput", "bare", ratio("cpu_us")),
    "cpu_ratio_vs_raw": Definition("throughput", "raw", ratio("cpu_us")),
    "cpu_ratio_vs_litellm": Definition("throughput", "litellm", ratio("cpu_us")),
    "added_p50_ms": Definition("alone", "direct", added("p50_ms"), 0.5, is_at_most=True),
    "added_p99_ms": Definition("alone", "direct", added("p99_ms")),
    "delta_cpu_ratio_vs_raw": Definition(
        "streams", "raw", ratio("delta_cpu_us"), 1.3, is_at_most=True
    ),
    "delta_cpu_us": Definition("streams", "raw", own("delta_cpu_us")),
    "added_ttft_ms": Definition("first token", "direct", added("ttft_p50_ms")),
    "added_ttft_p99_ms": Definition("first token", "direct", added("ttft_p99_ms")),
    "rss_mb": Definition("start", OURS, own("rss_mb"), 120, is_at_most=True),
    "peak_rss_mb": Definition("memory", OURS, own("peak_rss_mb")),
    "ready_s": Definition("start", OURS, own("ready_s"), 1.5, is_at_most=True),
}
STALL_FREE_TARGET = 128
_CAPACITY = "capacity "


def named(records: Sequence[Record]) -> dict[str, Ratio]:
    """Every named figure of which both sides ran."""
    found = {name: definition.of(records) for name, definition in DEFINITIONS.items()}
    streams = stall_free_streams(records)
    if streams is not None:
        found["stall_free_streams"] = Ratio(streams, streams, streams, 1, STALL_FREE_TARGET)
    return {name: one for name, one in found.items() if one is not None}


def capacity(n_streams: int) -> str:
    """The part that holds so many streams at once."""
    return f"{_CAPACITY}{n_streams}"


def stall_free_streams(records: Sequence[Record]) -> int | None:
    """The most streams that we held without a stall that the upstream itself did not have.

    None where it was not tried; a level at which the upstream stalls, too, shows nothing.
    """
    levels: dict[int, dict[str, float]] = {}
    for one in records:
        if one.part.startswith(_CAPACITY):
            level = levels.setdefault(int(one.part.removeprefix(_CAPACITY)), {})
            level[one.contender] = max(level.get(one.contender, 0), one.figures["has_stall"])
    held = 0
    for n_streams, stalls in sorted(levels.items()):
        if stalls.get("direct", 1) or stalls.get(OURS, 1):
            break
        held = n_streams
    return held if levels else None
