"""Figures of the engines on this machine, under the names that llama-server uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, runtime_checkable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy.engine.stats import EngineStats

FIGURES: Mapping[str, tuple[Callable[[EngineStats], float], str]] = {
    "llamacpp:prompt_tokens_total": (
        lambda stats: stats.totals.n_prompt_tokens,
        "Prompt tokens computed, without those shared.",
    ),
    "llamacpp:prompt_seconds_total": (
        lambda stats: stats.totals.prompt_s,
        "Seconds spent on them.",
    ),
    "llamacpp:prompt_tokens_seconds": (
        lambda stats: _rate(stats.totals.n_prompt_tokens, stats.totals.prompt_s),
        "Prompt tokens a second, on average since the start.",
    ),
    "llamacpp:tokens_predicted_total": (
        lambda stats: stats.totals.n_predicted_tokens,
        "Tokens generated.",
    ),
    "llamacpp:tokens_predicted_seconds_total": (
        lambda stats: stats.totals.predicted_s,
        "Seconds spent on them.",
    ),
    "llamacpp:predicted_tokens_seconds": (
        lambda stats: _rate(stats.totals.n_predicted_tokens, stats.totals.predicted_s),
        "Tokens generated a second, on average since the start.",
    ),
    "llamacpp:n_decode_total": (lambda stats: stats.totals.n_decode, "Batches decoded."),
    "llamacpp:n_busy_slots_per_decode": (
        lambda stats: _rate(stats.totals.n_busy_slots, stats.totals.n_decode),
        "Slots running in a batch, on average since the start.",
    ),
    "llamacpp:n_tokens_max": (
        lambda stats: stats.totals.n_max_tokens,
        "Longest sequence so far, in tokens.",
    ),
    "llamacpp:requests_processing": (lambda stats: stats.n_processing, "Requests in slots."),
    "llamacpp:requests_deferred": (lambda stats: stats.n_deferred, "Requests waiting for a slot."),
    "llamacpp:kv_cache_usage_ratio": (
        lambda stats: _rate(stats.n_cells_used, stats.n_cells),
        "Share of the KV cache that is reserved.",
    ),
    "guardtune_engine_slots": (lambda stats: stats.n_slots, "Requests that may run together."),
    "guardtune_engine_prefixes": (
        lambda stats: stats.n_prefixes,
        "Shared beginnings in the KV cache: system prompts with their demonstrations.",
    ),
    "guardtune_engine_turns": (
        lambda stats: stats.n_turns,
        "Finished turns in the KV cache, for their conversations to go on from.",
    ),
    "guardtune_engine_prefix_hits_total": (
        lambda stats: stats.totals.n_prefix_hits,
        "Requests whose prompt began with something computed before.",
    ),
    "guardtune_engine_prefix_tokens_total": (
        lambda stats: stats.totals.n_prefix_tokens,
        "Prompt tokens that were not computed again.",
    ),
    "guardtune_engine_preemptions_total": (
        lambda stats: stats.n_pauses,
        "Running requests that made room for others and went on later.",
    ),
}
"""Name → how it follows from our stats, and its help.

What llama-server has, too, bears its name, so that dashboards made for it work.
"""

RESTARTS = ("guardtune_engine_restarts_total", "Engine processes that died and were replaced.")
"""Name and help; for engines in a process of their own."""


@runtime_checkable
class HasEngineStats(Protocol):
    """A backend with an engine of its own."""

    @property
    def model(self) -> str:
        """The served name."""

    @property
    def stats(self) -> EngineStats:
        """What the engine does now and has done so far."""


@runtime_checkable
class HasEngineProcess(HasEngineStats, Protocol):
    """A backend whose engine runs in another process."""

    @property
    def restarts(self) -> int:
        """How often the process was replaced."""

    async def refresh_stats(self) -> None:
        """Bring the stats up to date; keeps the old ones where the engine does not answer."""


class EngineCollector(Collector):
    """Reads each engine's stats at scrape time, one series a model.

    Args:
        backends: those with an engine.
    """

    def __init__(self, backends: tuple[HasEngineStats, ...]) -> None:
        self._backends = backends

    async def refresh(self) -> None:
        """Ask the engines in other processes, all at once; in a second at most."""
        await asyncio.gather(*(backend.refresh_stats() for backend in self._processes()))

    def collect(self) -> Iterator[Metric]:
        """Yield one family a figure."""
        readings = [(backend.model, backend.stats) for backend in self._backends]
        for name, (figure, text) in FIGURES.items():
            family = _family(name, text)
            for model, stats in readings:
                family.add_metric([model], figure(stats))
            yield family
        restarts = CounterMetricFamily(*RESTARTS, labels=["model"])
        for backend in self._processes():
            restarts.add_metric([backend.model], backend.restarts)
        yield restarts

    def _processes(self) -> Iterator[HasEngineProcess]:
        return (item for item in self._backends if isinstance(item, HasEngineProcess))


def _family(name: str, text: str) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    return kind(name, text, labels=["model"])


def _rate(amount: float, over: float) -> float:
    return amount / over if over else 0.0
