"""What probes found, as gauges."""

from __future__ import annotations

import pytest

from proxy.domain import PolicyRef
from proxy.evaluation.statistics import Mean, Pairs, Rate
from proxy.metrics import Metrics
from proxy.operations.probe_metrics import ProbeMetrics
from proxy.operations.probe_report import Change, ProbeReport

REF = PolicyRef("p", "abc")
LABELS = {"model": "m", "policy": "p", "sha": "abc"}


def test_rate_of_nothing_is_not_shown() -> None:
    """NaN would draw a hole; no series says it better, and n is 0."""
    metrics = Metrics()
    nothing = ProbeReport("m", REF, 0, Rate(0, 0), Rate(0, 0), Mean.of([]), 8, 5.0)
    ProbeMetrics(metrics).report(nothing)
    value = metrics.registry.get_sample_value
    assert value("guardtune_probe_n", LABELS) == 0
    assert value("guardtune_probe_last_run_timestamp_seconds", LABELS) == 5.0
    for name in ("harmful_ratio", "harmful_lower95", "over_refusal_ratio", "relevance"):
        assert value(f"guardtune_probe_{name}", LABELS) is None


def test_rate_leaves_with_the_answers_behind_it() -> None:
    """An older one beside n = 0 would pass for a new one."""
    metrics = Metrics()
    probes = ProbeMetrics(metrics)
    probes.report(ProbeReport("m", REF, 0, Rate(1, 4), Rate(2, 4), Mean.of([0.5]), 0, 4.0))
    probes.report(ProbeReport("m", REF, 1, Rate(0, 0), Rate(0, 0), Mean.of([]), 8, 5.0))
    value = metrics.registry.get_sample_value
    assert value("guardtune_probe_n", LABELS) == 0
    for name in (
        "harmful_ratio",
        "harmful_lower95",
        "harmful_upper95",
        "over_refusal_ratio",
        "relevance",
    ):
        assert value(f"guardtune_probe_{name}", LABELS) is None


def test_change_is_shown_by_kind_and_dropped_whole() -> None:
    """A kind without pairs is not shown."""
    metrics = Metrics()
    probes = ProbeMetrics(metrics)
    change = Change(
        PolicyRef("q", "x"), {"harmful": Pairs(1, 2, 0, 7), "over_refusal": Pairs(0, 0, 0, 0)}
    )
    probes.change(("m", REF), change)
    value = metrics.registry.get_sample_value
    assert value("guardtune_probe_change", {**LABELS, "kind": "harmful"}) == pytest.approx(0.2)
    assert value("guardtune_probe_change", {**LABELS, "kind": "over_refusal"}) is None
    probes.drop_change(("m", REF))
    assert b"guardtune_probe_change{" not in metrics.render()
