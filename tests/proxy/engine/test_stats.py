from __future__ import annotations

import pytest

from proxy.engine.stats import Counters, EngineStats


def test_python_share_is_what_llama_cpp_did_not_use() -> None:
    """Of a step, everything but decoding and sampling."""
    totals = Counters(step_s=10.0, decode_s=8.0, sample_s=1.5)
    assert EngineStats(totals=totals).python_share == pytest.approx(0.05)
    assert EngineStats().python_share == 0.0
