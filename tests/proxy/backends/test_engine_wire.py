"""What crosses between proxy and engine process survives the crossing."""

from __future__ import annotations

import pytest

from proxy.backends.config import EMBEDDED_MODEL, LlamaCppConfig
from proxy.backends.engine_wire import (
    Failed,
    Orders,
    Ready,
    Report,
    decode_orders,
    decode_pulse,
    decode_report,
    decode_stats,
    encode,
)
from proxy.engine.stats import Counters, EngineStats, Pulse


def test_orders_carry_the_whole_configuration_on_one_line() -> None:
    """Defaults and all."""
    orders = Orders(EMBEDDED_MODEL.model_dump(mode="json"), "/run/a.sock", 20)
    line = encode(orders)
    assert b"\n" not in line
    assert LlamaCppConfig.model_validate(decode_orders(line).model) == EMBEDDED_MODEL


@pytest.mark.parametrize("report", [Ready(), Failed("no such file\nname another")])
def test_reports_are_told_apart(report: Report) -> None:
    """And fit on one line whatever the message holds."""
    line = encode(report)
    assert b"\n" not in line
    assert decode_report(line) == report


def test_stats_arrive_as_they_are() -> None:
    """Totals included."""
    stats = EngineStats(n_processing=2, totals=Counters(n_decode=3, step_s=0.5))
    assert decode_stats(encode(stats)) == stats


def test_pulse_arrives_as_it_is() -> None:
    """Two numbers."""
    assert decode_pulse(encode(Pulse(2, 7))) == Pulse(2, 7)
