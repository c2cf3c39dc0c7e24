"""PromQL as it is written."""

from __future__ import annotations

from scripts.observability.promql import quantile, rate, series, sum_by


def test_forms() -> None:
    """Braces only where there is a condition."""
    assert series("m") == "m"
    assert series("m", 'a="b"', 'c=~"d"') == 'm{a="b",c=~"d"}'
    assert rate("m", 'a="b"') == 'rate(m{a="b"}[$__rate_interval])'
    assert sum_by("a, b", "m") == "sum by (a, b) (m)"
    assert quantile(0.5, "m", by="le, a") == (
        "histogram_quantile(0.5, sum by (le, a) (rate(m_bucket[$__rate_interval])))"
    )
