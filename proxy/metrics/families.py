"""Counters and histograms for what is counted with every request.

prometheus_client takes a lock a figure and walks through a histogram's buckets: 20 µs a request,
a tenth of all. Here the event loop alone writes, so that counting is an addition. The text format
is still prometheus_client's: it collects these families as it collects its own.

What was counted can also be taken away and added elsewhere: that is how a worker reports.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import add
from typing import Any, Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from proxy.metrics.catalogue import Spec

Labels = tuple[str, ...]

Distribution = tuple[list[int], float]
"""How many fell into each bucket, and the sum of all."""

Amount = float | Distribution


class Counter:
    """One series that only rises."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        """Count so many more."""
        self.value += amount

    @property
    def is_zero(self) -> bool:
        """Whether nothing was counted."""
        return not self.value

    def take(self) -> float:
        """Return what was counted, and start over."""
        value, self.value = self.value, 0.0
        return value

    def put(self, amount: float) -> None:
        """Add what was taken elsewhere."""
        self.value += amount


class Histogram:
    """One distribution.

    Args:
        bounds: upper bounds of the buckets, ascending, each belonging to its bucket.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, amount: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._bounds, amount)] += 1
        self.total += amount

    @property
    def is_zero(self) -> bool:
        """Whether nothing was counted."""
        return not any(self.counts)

    def take(self) -> Distribution:
        """Return what was counted, and start over."""
        taken = self.counts, self.total
        self.counts, self.total = [0] * len(self.counts), 0.0
        return taken

    def put(self, amount: Distribution) -> None:
        """Add what was taken elsewhere."""
        counts, total = amount
        self.counts = list(map(add, self.counts, counts))
        self.total += total


SeriesT = TypeVar("SeriesT", Counter, Histogram)


class _Family(Collector, Generic[SeriesT]):
    """A metric's series by their label values; they appear when they are first asked for."""

    def __init__(self, spec: Spec, make: Callable[[], SeriesT]) -> None:
        self._spec = spec
        self._make: Callable[[], SeriesT] = make
        self._series: dict[Labels, SeriesT] = {}
        self._taken: set[Labels] = set()

    @property
    def label_values(self) -> tuple[Labels, ...]:
        """The label values of all series."""
        return tuple(self._series)

    def labels(self, *values: str) -> SeriesT:
        """Return the series with these label values, in the order of the specification."""
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = self._make()
        return series

    def remove_by_labels(self, labels: Mapping[str, str]) -> None:
        """Drop every series that has all of these label values."""
        wanted = {self._spec.labels.index(name): value for name, value in labels.items()}
        self._series = {
            values: series
            for values, series in self._series.items()
            if any(values[at] != value for at, value in wanted.items())
        }
        self._taken &= self._series.keys()

    def take(self) -> dict[Labels, Amount]:
        """Return what was counted since the last time, and a new series even where it is zero.

        The series stay, at zero: whoever has bound one goes on counting.
        """
        news: dict[Labels, Amount] = {
            values: series.take()
            for values, series in self._series.items()
            if not series.is_zero or values not in self._taken
        }
        self._taken |= news.keys()
        return news

    def put(self, news: Mapping[Labels, Any]) -> None:
        """Add what was taken from the same family in another process."""
        for values, amount in news.items():
            self.labels(*values).put(amount)


class CounterFamily(_Family[Counter]):
    """All series of a counter."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, Counter)

    def collect(self) -> Iterator[Metric]:
        """Give them to prometheus_client."""
        family = CounterMetricFamily(self._spec.name, self._spec.help, labels=self._spec.labels)
        for values, series in list(self._series.items()):
            family.add_metric(values, series.value)
        yield family


class HistogramFamily(_Family[Histogram]):
    """All series of a histogram."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, lambda: Histogram(spec.buckets))
        bounds = (*spec.buckets, float("inf"))
        self._names = [floatToGoString(bound) for bound in bounds]  # type: ignore[no-untyped-call]  # it has no annotations

    def collect(self) -> Iterator[Metric]:
        """Give them to prometheus_client, whose buckets hold all that is below them, too."""
        family = HistogramMetricFamily(self._spec.name, self._spec.help, labels=self._spec.labels)
        for values, series in list(self._series.items()):
            counts = [float(count) for count in accumulate(series.counts)]
            family.add_metric(values, list(zip(self._names, counts, strict=True)), series.total)
        yield family
