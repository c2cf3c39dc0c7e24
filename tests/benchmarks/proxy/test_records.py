"""Ratios between turns that ran side by side."""

from __future__ import annotations

from benchmarks.proxy.records import OURS, Record, capacity, named, stall_free_streams


def _pair(part: str, repeat: int, ours: float, other: float, name: str = "bare") -> list[Record]:
    key = {"throughput": "per_second", "alone": "p50_ms"}.get(part, "has_stall")
    figures = {"p99_ms": 0.0, "cpu_us": 1.0}
    return [
        Record(part, repeat, OURS, name, {key: ours, **figures}),
        Record(part, repeat, name, OURS, {key: other, **figures}),
    ]


def test_a_ratio_is_of_neighbours_and_the_median_of_repeats() -> None:
    """Ours is measured anew beside each contender."""
    records = [
        *_pair("throughput", 0, 300, 100),
        *_pair("throughput", 0, 10, 100, "nginx"),
        *_pair("throughput", 1, 100, 100),
        *_pair("throughput", 2, 200, 100),
    ]
    found = named(records)
    bare = found["ratio_vs_bare"]
    assert (bare.value, bare.minimum, bare.maximum, bare.n) == (2, 1, 3, 3)
    assert bare.is_met
    assert found["ratio_vs_nginx"].value == 0.1
    assert not found["ratio_vs_nginx"].is_met


def test_what_was_not_measured_has_no_figure() -> None:
    """A contender that could not be started, say."""
    assert "ratio_vs_litellm" not in named(_pair("throughput", 0, 1, 1))
    assert named([]) == {}


def test_what_is_added_is_a_difference() -> None:
    """To the upstream's own latency."""
    assert named(_pair("alone", 0, 0.5, 0.125, "direct"))["added_p50_ms"].value == 0.375


def test_a_figure_of_ours_alone_needs_nobody_beside() -> None:
    """Memory, and time to start."""
    figures = {"ready_s": 1.0, "rss_mb": 80.0}
    found = named([Record("start", 0, OURS, OURS, figures)])
    assert (found["ready_s"].value, found["rss_mb"].value) == (1, 80)


def test_streams_are_counted_up_to_the_first_level_that_stalls() -> None:
    """Whoever stalls: where the upstream does, nothing is shown of us."""
    held = [one for level in (64, 128) for one in _pair(capacity(level), 0, 0, 0, "direct")]
    assert stall_free_streams(held) == 128
    assert stall_free_streams([*held, *_pair(capacity(192), 0, 1, 0, "direct")]) == 128
    assert stall_free_streams([*held, *_pair(capacity(192), 0, 0, 1, "direct")]) == 128
    assert stall_free_streams([]) is None
    assert stall_free_streams(_pair(capacity(64), 0, 1, 0, "direct")) == 0
