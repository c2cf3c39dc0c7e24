"""Figures as JSON values."""

from __future__ import annotations

import math

from proxy.evaluation.figures import as_corrected, as_mean, as_rate, known
from proxy.evaluation.judge_error import Corrected
from proxy.evaluation.statistics import Interval, Mean, Rate


def test_a_rate_has_n_and_its_interval() -> None:
    """Counts, value and bounds."""
    figure = as_rate(Rate(1, 4))
    assert (figure["k"], figure["n"], figure["value"]) == (1, 4, 0.25)
    assert 0 < figure["low"] < 0.25 < figure["high"] < 1


def test_what_was_not_counted_is_null() -> None:
    """JSON has no NaN."""
    assert known(math.nan) is None
    assert as_rate(Rate(0, 0))["value"] is None
    assert as_mean(Mean.of([]))["value"] is None
    unknown = as_corrected(Corrected(math.nan, Interval(0.0, 1.0), "why"))
    assert unknown == {"value": None, "low": 0.0, "high": 1.0, "note": "why"}
