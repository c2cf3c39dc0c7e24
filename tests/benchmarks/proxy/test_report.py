"""The object and the page."""

from __future__ import annotations

from typing import Any

from benchmarks.proxy.records import OURS, Record
from benchmarks.proxy.report import markdown, result

_ABOUT: dict[str, Any] = {
    "made_at": "2026-11-28T18:00:00+00:00",
    "command": "python -m benchmarks.proxy",
    "machine": {"cpu": "Example", "cores": 2, "memory_gib": 8, "load_1min_before": 0.1},
    "versions": {"python": "3.11.7"},
    "settings": {"n_repeats": 1, "seconds": 3},
}
_LOAD = {"p50_ms": 1.0, "p99_ms": 2.0, "cpu_us": 3.0}
_RECORDS = [
    Record("throughput", 0, OURS, "bare", {"per_second": 300.0, **_LOAD}),
    Record("throughput", 0, "bare", OURS, {"per_second": 100.0, **_LOAD}),
]


def test_named_figures_are_numbers_at_the_top() -> None:
    """Whoever reads the file need not know how they are kept."""
    data = result(_RECORDS, about=_ABOUT, failures=[])
    assert data["ratio_vs_bare"] == 3
    assert data["named"]["ratio_vs_bare"]["is_met"] is True
    assert len(data["runs"]) == 2


def test_the_page_is_made_of_the_object() -> None:
    """With targets, with who was compared, and with who was not."""
    page = markdown(result(_RECORDS, about=_ABOUT, failures=["LiteLLM: no network"]))
    assert "| `ratio_vs_bare` | 3.000 [3.000, 3.000] | 1 | ≥ 1.5 | met |" in page
    assert "| Starlette + aiohttp by hand, on uvicorn | 100 [100, 100] |" in page
    assert "- LiteLLM: no network" in page
    assert "One connection" not in page
