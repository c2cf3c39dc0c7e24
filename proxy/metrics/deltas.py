"""The figures of several workers as one: each sends what it has counted since it last did.

prometheus_client's own way, a file for each process, can neither drop the series of a retired
policy nor tell what died with a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import Gauge

from proxy.domain import PolicyRef
from proxy.metrics import catalogue
from proxy.metrics.families import Amount, Labels
from proxy.metrics.recorder import Metrics
from proxy.metrics.tally import Tally

_REQUESTS = catalogue.REQUESTS.name
_ANSWERS = (catalogue.JUDGED.name, catalogue.UNJUDGED.name)

WORKER_DIED = "worker_died"


@dataclass(frozen=True, slots=True)
class Delta:
    """What one worker has to say.

    Args:
        counted: metric → label values → what came since the delta before.
        gauges: metric → its value now.
        outliving: versions that are not in force any more and that it still answers under.
    """

    counted: Mapping[str, Mapping[Labels, Amount]] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    outliving: frozenset[PolicyRef] = frozenset()

    def total(self, *names: str) -> float:
        """The sum of counters over all their series."""
        series = (self.counted.get(name, {}) for name in names)
        amounts = (amount for values in series for amount in values.values())
        return sum(amount for amount in amounts if isinstance(amount, float))


def take_delta(metrics: Metrics) -> Delta:
    """Take what was counted since the last time out of a worker's metrics."""
    taken = {name: family.take() for name, family in metrics.families.items()}
    return Delta(
        counted={name: news for name, news in taken.items() if news},
        gauges={name: _value(gauge) for name, gauge in metrics.levels.items()},
        outliving=metrics.outliving,
    )


@dataclass(slots=True)
class _Worker:
    """What a worker has reported so far, and how it is now."""

    requests: float = 0
    answers: float = 0
    gauges: Mapping[str, float] = field(default_factory=dict)
    outliving: frozenset[PolicyRef] = frozenset()


class Aggregator:
    """Adds the workers' deltas to the metrics that are shown.

    Args:
        metrics: what is shown; its gauges of the moment become sums over the workers.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._workers: dict[int, _Worker] = {}
        for name, gauge in metrics.levels.items():
            gauge.set_function(partial(self._sum, name))
        metrics.workers.set_function(lambda: len(self._workers))
        metrics.outliving_elsewhere = self._outliving

    def joined(self, worker: int) -> None:
        """Note a new worker.

        Args:
            worker: a number that no other has had.
        """
        self._workers[worker] = _Worker()

    def add(self, worker: int, delta: Delta) -> None:
        """Add what a worker reports, all of it or nothing.

        Raises:
            KeyError: a metric that is not known here, which is a bug.
        """
        counted = [(self._metrics.families[name], news) for name, news in delta.counted.items()]
        known = self._workers[worker]
        known.requests += delta.total(_REQUESTS)
        known.answers += delta.total(*_ANSWERS)
        known.outliving = delta.outliving
        if delta.gauges:
            known.gauges = delta.gauges
        for family, news in counted:
            family.put(news)

    def left(self, worker: int, tally: Tally) -> None:
        """Book what a worker that is gone had taken on and not reported.

        Args:
            worker: its number; everything that it had sent was added before.
            tally: its own.
        """
        known = self._workers.pop(worker)
        if missing := tally.requests - known.requests:
            self._metrics.requests_lost.inc(missing)
        if missing := tally.answers - known.answers:
            self._metrics.unjudged.labels(WORKER_DIED).inc(missing)

    def _outliving(self) -> frozenset[PolicyRef]:
        return frozenset().union(*(worker.outliving for worker in self._workers.values()))

    def _sum(self, name: str) -> float:
        return sum(worker.gauges.get(name, 0.0) for worker in self._workers.values())


def _value(gauge: Gauge) -> float:
    (family,) = gauge.collect()
    return family.samples[0].value
