from __future__ import annotations

import pytest

from proxy.engine.stats import Counters, EngineStats


def test_python_share_is_what_llama_cpp_did_not_use() -> None:
    """Of a step, everything but decoding and sampling."""
    totals = Counters(step_s=10.0, decode_s=8.0, sample_s=1.5)
    assert EngineStats(totals=totals).python_share == pytest.approx(0.05)
    assert EngineStats().python_share == 0.0


def test_figures_have_llama_servers_names_and_no_division_by_zero() -> None:
    """Those that llama-server's `/metrics` documents are all there."""
    names = {
        "prompt_tokens_total", "prompt_seconds_total", "tokens_predicted_total",
        "tokens_predicted_seconds_total", "prompt_tokens_seconds", "predicted_tokens_seconds",
        "requests_processing", "requests_deferred", "n_decode_total", "n_busy_slots_per_decode",
        "n_tokens_max",
    }  # fmt: skip
    assert names <= EngineStats().figures.keys()
    totals = Counters(n_predicted_tokens=30, predicted_s=2.0, n_busy_slots=12, n_decode=4)
    figures = EngineStats(n_processing=3, totals=totals).figures
    assert figures["predicted_tokens_seconds"] == 15
    assert figures["n_busy_slots_per_decode"] == 3
    assert figures["requests_processing"] == 3
