"""Figures of an in-process engine, under the names that llama-server uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Figures = Mapping[str, float]
"""llama-server's metric name without ``llamacpp:`` → value."""


class EngineCollector(Collector):
    """Reads each engine's figures at scrape time, one series a model.

    Args:
        sources: served model → a function that returns its figures now.
    """

    def __init__(self, sources: Mapping[str, Callable[[], Figures]]) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Yield one family a figure."""
        readings = {model: read() for model, read in self._sources.items()}
        for name in sorted({name for figures in readings.values() for name in figures}):
            family = _family(name)
            for model, figures in readings.items():
                if name in figures:
                    family.add_metric([model], figures[name])
            yield family


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily:
    full = f"llamacpp:{name}"
    text = "As llama-server counts it."
    if name.endswith("_total"):
        return CounterMetricFamily(full, text, labels=["model"])
    return GaugeMetricFamily(full, text, labels=["model"])
