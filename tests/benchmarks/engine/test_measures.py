import math

import pytest

from benchmarks.engine.jobs import Outcome, Stream
from benchmarks.engine.measures import figures, gaps, late_figures, quantile


def test_quantile_is_a_value_that_was_measured() -> None:
    """The 99th of a hundred is not interpolated, and the largest of few."""
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_quantile_of_nothing_is_nan() -> None:
    """Contenders that do not stream have no gaps."""
    assert math.isnan(quantile([], 0.5))


def test_gaps_of_one_time_are_none() -> None:
    """A single token has no neighbour."""
    assert gaps([1.0]) == []


def test_figures_of_two_streams() -> None:
    """Speed counts all tokens over the wall; TTFT counts from when each was sent."""
    outcome = Outcome(
        wall_s=2.0,
        streams=[
            Stream(10.0, (10.5, 10.6, 10.7), 3, n_prompt=20, n_cached=16),
            Stream(10.0, (11.0, 11.3), 2, n_prompt=30),
        ],
        peak_memory_bytes=3 * 2**20,
    )

    found = figures(outcome, has_late=False)

    assert found.tokens_per_s == 2.5
    assert (found.n_tokens, found.n_prompt_tokens, found.n_cached_tokens) == (5, 50, 16)
    assert found.ttft_ms == pytest.approx((500, 1000))
    assert found.itl_ms == pytest.approx((100, 300))
    assert found.peak_memory_mib == 3


def test_late_figures_keep_the_gap_in_which_the_prompt_came() -> None:
    """The first stall begins before the long prompt comes and ends while it is prefilled."""
    early = [Stream(0.0, (1.0, 1.1, 1.2, 1.5, 1.8, 1.9), 6)]
    late = Stream(1.25, (1.8, 1.9), 2, n_prompt=1500)

    found = late_figures(early, late)

    assert found["itl_p50_before_ms"] == pytest.approx(100)
    assert found["itl_p99_during_ms"] == pytest.approx(300)
    assert found["itl_p99_over_median"] == pytest.approx(3)
    assert found["late_ttft_ms"] == pytest.approx(550)


def test_figures_leave_the_late_stream_out_of_the_others_latency() -> None:
    """Its own TTFT is a figure of its own."""
    early = Stream(0.0, (1.0, 1.1, 1.2, 1.3, 1.4), 5)
    late = Stream(1.15, (1.4, 9.0), 2, n_prompt=1500)

    found = figures(Outcome(1.0, [early, late]), has_late=True)

    assert found.n_tokens == 7
    assert found.ttft_ms == pytest.approx((1000, 1000))
    assert found.itl_ms == pytest.approx((100, 100))
