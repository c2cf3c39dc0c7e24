"""Counters and histograms of our own say what prometheus_client's would."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Counter as TheirCounter
from prometheus_client import Histogram as TheirHistogram

from proxy.metrics.catalogue import Spec
from proxy.metrics.families import CounterFamily, HistogramFamily

COUNTER = Spec("asked_total", "counter", "Asked.", ("model", "code"))
HISTOGRAM = Spec("took_seconds", "histogram", "Took.", ("model",), (0.1, 0.5, 1))
AMOUNTS = (0.05, 0.1, 0.3, 1, 7.5)


def test_text_is_the_same_to_the_byte() -> None:
    """A bound belongs to its bucket, the last bucket holds all, and label order does not matter."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counter, histogram = CounterFamily(COUNTER), HistogramFamily(HISTOGRAM)
    ours.register(counter)
    ours.register(histogram)
    their_counter = TheirCounter(COUNTER.name, COUNTER.help, COUNTER.labels, registry=theirs)
    their_histogram = TheirHistogram(
        HISTOGRAM.name, HISTOGRAM.help, HISTOGRAM.labels, buckets=(0.1, 0.5, 1), registry=theirs
    )
    counter.labels("m", "200").inc()
    their_counter.labels("m", "200").inc()
    counter.labels("m", "400").inc(2.5)
    their_counter.labels("m", "400").inc(2.5)
    for amount in AMOUNTS:
        histogram.labels("m").observe(amount)
        their_histogram.labels("m").observe(amount)
    expected = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == expected


def test_series_is_the_same_object_each_time() -> None:
    """So that it can be bound once."""
    family = CounterFamily(COUNTER)
    assert family.labels("m", "200") is family.labels("m", "200")


def test_series_leave_by_some_of_their_labels() -> None:
    """All codes of one model; the other model stays."""
    registry = CollectorRegistry()
    family = CounterFamily(COUNTER)
    registry.register(family)
    for labels in (("a", "200"), ("a", "400"), ("b", "200")):
        family.labels(*labels).inc()
    family.remove_by_labels({"model": "a"})
    assert registry.get_sample_value(COUNTER.name, {"model": "a", "code": "200"}) is None
    assert registry.get_sample_value(COUNTER.name, {"model": "b", "code": "200"}) == 1


def test_metric_without_labels_has_one_series() -> None:
    """It shows zero before anything was counted."""
    registry = CollectorRegistry()
    family = HistogramFamily(Spec("x_seconds", "histogram", "X.", (), (1.0,)))
    registry.register(family)
    family.labels()
    assert registry.get_sample_value("x_seconds_count") == 0


def test_what_is_taken_here_can_be_put_there() -> None:
    """Bucket by bucket, onto what is there."""
    here, there = HistogramFamily(HISTOGRAM), HistogramFamily(HISTOGRAM)
    there.labels("m").observe(0.3)
    for amount in AMOUNTS:
        here.labels("m").observe(amount)
    there.put(here.take())
    assert there.labels("m").counts == [2, 2, 1, 1]
    assert there.labels("m").total == sum(AMOUNTS) + 0.3
    assert here.labels("m").is_zero
    assert here.take() == {}


def test_series_that_left_and_came_back_is_new() -> None:
    """It is told again, even at zero."""
    family = CounterFamily(COUNTER)
    family.labels("m", "200")
    assert family.take() == {("m", "200"): 0.0}
    family.remove_by_labels({"model": "m"})
    assert family.take() == {}
    family.labels("m", "200")
    assert family.take() == {("m", "200"): 0.0}
