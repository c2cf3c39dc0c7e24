"""An engine's own figures, under llama-server's names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from proxy.engine.stats import Counters, EngineStats
from proxy.metrics import Metrics
from proxy.metrics.engine import FIGURES, EngineCollector, HasEngineStats
from tests.edge import scripted


@dataclass
class _Backend:
    """Something with an engine."""

    model: str = "m"
    stats: EngineStats = field(default_factory=EngineStats)


def _text(*backends: HasEngineStats) -> str:
    metrics = Metrics()
    metrics.collect_from(EngineCollector(backends))
    return metrics.render().decode()


def test_figures_are_read_at_scrape_time_with_their_model() -> None:
    """Dashboards made for llama-server work unchanged."""
    totals = Counters(n_prompt_tokens=6, prompt_s=2.0, n_decode=4, n_busy_slots=10, n_prefix_hits=3)
    text = _text(_Backend(stats=EngineStats(n_processing=2, n_pauses=5, totals=totals)))
    assert "# TYPE llamacpp:prompt_tokens_total counter" in text
    assert 'llamacpp:prompt_tokens_total{model="m"} 6.0' in text
    assert 'llamacpp:prompt_tokens_seconds{model="m"} 3.0' in text
    assert 'llamacpp:n_busy_slots_per_decode{model="m"} 2.5' in text
    assert 'llamacpp:requests_processing{model="m"} 2.0' in text
    assert 'guardtune_engine_prefix_hits_total{model="m"} 3.0' in text
    assert 'guardtune_engine_preemptions_total{model="m"} 5.0' in text


def test_engine_that_has_done_nothing_divides_by_nothing() -> None:
    """All zero."""
    text = _text(_Backend("a"), _Backend("b"))
    for name in FIGURES:
        assert f'{name}{{model="a"}} 0.0' in text
        assert f'{name}{{model="b"}} 0.0' in text


def test_only_backends_with_an_engine_are_asked() -> None:
    """A remote model has figures of its own elsewhere."""
    assert isinstance(_Backend(), HasEngineStats)
    assert not isinstance(scripted(), HasEngineStats)


@dataclass
class _Process(_Backend):
    """An engine in another process."""

    restarts: int = 2

    async def refresh_stats(self) -> None:
        """Hear of one more batch."""
        self.stats = EngineStats(totals=Counters(n_decode=self.stats.totals.n_decode + 1))


def test_engines_in_other_processes_are_asked_and_their_restarts_counted() -> None:
    """One in this process has neither."""
    backend = _Process()
    collector = EngineCollector((backend, _Backend("inline")))
    metrics = Metrics()
    metrics.collect_from(collector)
    asyncio.run(collector.refresh())
    text = metrics.render().decode()
    assert 'llamacpp:n_decode_total{model="m"} 1.0' in text
    assert 'guardtune_engine_restarts_total{model="m"} 2.0' in text
    assert 'guardtune_engine_restarts_total{model="inline"}' not in text
