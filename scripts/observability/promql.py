"""PromQL's few forms that the dashboards use, so that braces are written once."""

from __future__ import annotations


def series(metric: str, *conditions: str) -> str:
    """A selector: ``metric{a="b",c=~"d"}``."""
    return f"{metric}{{{','.join(conditions)}}}" if conditions else metric


def rate(metric: str, *conditions: str) -> str:
    """A counter's growth a second, over as long as Grafana finds right for the page."""
    return f"rate({series(metric, *conditions)}[$__rate_interval])"


def sum_by(labels: str, expr: str) -> str:
    """The sum over all other labels."""
    return f"sum by ({labels}) ({expr})"


def quantile(share: float, metric: str, *conditions: str, by: str = "le") -> str:
    """A quantile of a histogram.

    Args:
        share: in [0, 1].
        metric: without ``_bucket``.
        conditions: of the selector.
        by: the labels to keep; ``le`` is one of them.
    """
    return f"histogram_quantile({share}, {sum_by(by, rate(f'{metric}_bucket', *conditions))})"
