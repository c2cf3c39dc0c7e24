"""Several workers' figures as one: added up, never twice, and what died with a worker is told."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import pytest

from proxy.domain import PolicyRef
from proxy.errors import OverloadedError
from proxy.metrics import Metrics
from proxy.metrics.deltas import Aggregator, Delta, take_delta
from proxy.metrics.recorder import RETIRE_AFTER_S
from proxy.metrics.request import RequestMeter

CAREFUL = PolicyRef("careful", "0" * 12)


class _Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _ask(metrics: Metrics, policy: PolicyRef = CAREFUL, *, outcome: str | None = "safe") -> None:
    """One request, and its answer judged or not yet."""
    with metrics.measure(is_stream=False) as meter:
        meter.bind("m", policy)
    metrics.tally.answers_taken(1)
    if outcome is not None:
        metrics.judged.labels("m", policy.name, policy.sha, outcome).inc()
        metrics.judge_score.labels(policy.name, policy.sha, "unsafe").observe(0.25)


def _lines(metrics: Metrics, *names: str) -> list[str]:
    text = metrics.render().decode().splitlines()
    return [line for line in text if line.startswith(names)]


@pytest.fixture(name="shown")
def _shown() -> Metrics:
    shown = Metrics()
    shown.policies_in_force([CAREFUL])
    return shown


def test_sum_of_workers_is_what_one_process_would_have_counted(shown: Metrics) -> None:
    """Every figure that is only added to, whoever counted it and whenever it was sent."""
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    alone, workers, aggregator = Metrics(), [Metrics() for _ in range(3)], Aggregator(shown)
    alone.policies_in_force([CAREFUL])
    for number in range(3):
        aggregator.joined(number)
    for _ in range(200):
        number = dice.randrange(3)
        for metrics in (alone, workers[number]):
            metrics.requests.labels("m", "careful", "200", "true").inc()
            metrics.tokens.labels("m", "careful", "prompt").inc(7)
            metrics.overhead.labels("m", "careful").observe(0.25)
            metrics.rejected.labels("queue_full").inc()
            metrics.internal_errors.inc()
        if dice.random() < 0.3:
            aggregator.add(number, take_delta(workers[number]))
    for number, metrics in enumerate(workers):
        aggregator.add(number, take_delta(metrics))
    names = ("guardtune_requests", "guardtune_tokens", "guardtune_overhead", "guardtune_rej",
             "guardtune_internal")  # fmt: skip
    assert _lines(shown, *names) == _lines(alone, *names), f"seed {seed}"


def test_nothing_is_taken_twice_and_bound_series_go_on() -> None:
    """A request under way has its series in hand."""
    worker = Metrics()
    series = worker.series("m", CAREFUL)
    series.count(200, is_stream=False)
    assert take_delta(worker).total("guardtune_requests_total") == 1
    assert take_delta(worker).counted == {}
    series.count(200, is_stream=False)
    assert take_delta(worker).total("guardtune_requests_total") == 1


def test_new_series_is_shown_at_zero(shown: Metrics) -> None:
    """A rate from the first sample on, as in one process."""
    worker, aggregator = Metrics(), Aggregator(shown)
    aggregator.joined(1)
    worker.series("m", CAREFUL)
    aggregator.add(1, take_delta(worker))
    (line,) = _lines(shown, 'guardtune_tokens_total{model="m",policy="careful",type="cached"}')
    assert line.endswith(" 0.0")


def test_gauges_are_summed_over_the_workers_that_live(shown: Metrics) -> None:
    """What a dead worker had in flight is not in flight."""
    aggregator = Aggregator(shown)
    for number, count in ((1, 2), (2, 5)):
        worker = Metrics()
        worker.in_flight.set(count)
        aggregator.joined(number)
        aggregator.add(number, take_delta(worker))
    assert _lines(shown, "guardtune_in_flight ", "guardtune_workers ") == [
        "guardtune_in_flight 7.0", "guardtune_workers 2.0",
    ]  # fmt: skip
    aggregator.left(1, Metrics().tally)
    assert _lines(shown, "guardtune_in_flight ", "guardtune_workers ") == [
        "guardtune_in_flight 5.0", "guardtune_workers 1.0",
    ]  # fmt: skip


def test_what_a_killed_worker_had_not_reported_is_told(shown: Metrics) -> None:
    """Its answers are unjudged, its requests lost; what it had reported stays, once."""
    worker, aggregator = Metrics(), Aggregator(shown)
    aggregator.joined(1)
    _ask(worker)
    _ask(worker, outcome=None)
    aggregator.add(1, take_delta(worker))
    _ask(worker)
    aggregator.left(1, worker.tally)
    names = ("guardtune_requests_total", "guardtune_requests_lost", "guardtune_judged_total",
             "guardtune_unjudged")  # fmt: skip
    assert [line.rpartition(" ")[2] for line in _lines(shown, *names)] == [
        "2.0", "1.0", "1.0", "2.0",
    ]  # fmt: skip
    assert 'guardtune_unjudged_total{reason="worker_died"} 2.0' in _lines(shown, "guardtune_unj")


def test_report_that_cannot_be_taken_counts_as_none(shown: Metrics) -> None:
    """What it was about is told as lost, once the worker is gone for it."""
    worker, aggregator = Metrics(), Aggregator(shown)
    aggregator.joined(1)
    _ask(worker)
    delta = take_delta(worker)
    unknown = Delta({**delta.counted, "guardtune_unheard_of_total": {(): 1.0}})
    with pytest.raises(KeyError):
        aggregator.add(1, unknown)
    assert not _lines(shown, "guardtune_requests_total")
    aggregator.left(1, worker.tally)
    assert _lines(shown, "guardtune_requests_lost") == ["guardtune_requests_lost_total 1.0"]
    assert 'guardtune_unjudged_total{reason="worker_died"} 1.0' in _lines(shown, "guardtune_unj")


def test_worker_that_reported_all_leaves_nothing_open(shown: Metrics) -> None:
    """Refused requests and answers without a judge are reports, too."""
    worker, aggregator = Metrics(), Aggregator(shown)
    aggregator.joined(1)
    worker.refused(404)
    with suppress(OverloadedError), worker.measure(is_stream=True) as meter:
        meter.bind("m", CAREFUL)
        raise OverloadedError("queue_full", retry_after_s=1)
    worker.tally.answers_taken(2)
    worker.unjudged.labels("shutdown").inc(2)
    aggregator.add(1, take_delta(worker))
    aggregator.left(1, worker.tally)
    assert _lines(shown, "guardtune_requests_lost") == ["guardtune_requests_lost_total 0.0"]
    assert not _lines(shown, 'guardtune_unjudged_total{reason="worker_died"}')


def _changes(count: int) -> Iterator[PolicyRef]:
    return (PolicyRef("careful", f"{number:012x}") for number in range(count))


def test_series_are_bounded_over_a_thousand_policy_changes() -> None:
    """In what is shown and in the worker, which are told of each change."""
    clock = _Clock()
    worker, shown = Metrics(clock=clock), Metrics(clock=clock)
    aggregator = Aggregator(shown)
    aggregator.joined(1)
    n_lines = []
    for policy in _changes(1000):
        for metrics in (worker, shown):
            metrics.policies_in_force([policy])
        _ask(worker, policy)
        aggregator.add(1, take_delta(worker))
        worker.drop_retired()
        clock.now += RETIRE_AFTER_S / 10
        n_lines.append(len(shown.render().splitlines()))
    assert max(n_lines[20:]) == n_lines[20]
    assert len(worker.judged.label_values) <= 12
    total = 'guardtune_requests_total{code="200",model="m",policy="careful",stream="false"} 1000.0'
    assert total in _lines(shown, "guardtune_requests_total")


def test_series_are_bounded_over_a_thousand_policy_changes_with_running_streams() -> None:
    """Each change finds a few streams of former versions; all of their requests are counted."""
    clock = _Clock()
    worker, shown = Metrics(clock=clock), Metrics(clock=clock)
    aggregator = Aggregator(shown)
    aggregator.joined(1)
    streams: deque[RequestMeter] = deque()
    n_series, n_known = [], []
    for number in range(1000):
        policy = PolicyRef(f"careful-{number}", f"{number:012x}")
        for metrics in (worker, shown):
            metrics.policies_in_force([policy])
        streams.append(worker.measure(is_stream=True))
        streams[-1].bind("m", policy)
        if len(streams) > 50:
            streams.popleft().__exit__(None, None, None)
        aggregator.add(1, take_delta(worker))
        worker.drop_retired()
        clock.now += RETIRE_AFTER_S / 10
        shown.drop_retired()
        for metrics in (worker, shown):
            n_series.append(len(metrics.request_duration.label_values))
            n_known.append(len(metrics.requests.label_values))
    assert max(*n_series, *n_known) <= 50 + 1 + 12
    (of_one,) = _lines(shown, 'guardtune_requests_total{code="200",model="m",policy="careful-949"')
    assert of_one.endswith(" 1.0")
    for stream in streams:
        stream.__exit__(None, None, None)
    aggregator.add(1, take_delta(worker))
    worker.policies_in_force([CAREFUL])
    shown.policies_in_force([CAREFUL])
    clock.now += RETIRE_AFTER_S
    worker.drop_retired()
    assert worker.request_duration.label_values == ()
    assert not _lines(shown, "guardtune_requests_total")


def test_series_stay_while_a_worker_still_answers_under_the_version() -> None:
    """What is shown goes on from where it was, until the worker is done or dead."""
    clock = _Clock()
    worker, shown = Metrics(clock=clock), Metrics(clock=clock)
    aggregator = Aggregator(shown)
    aggregator.joined(1)
    for metrics in (worker, shown):
        metrics.policies_in_force([CAREFUL])
    _ask(worker)
    with worker.measure(is_stream=True) as meter:
        meter.bind("m", CAREFUL)
        for metrics in (worker, shown):
            metrics.policies_in_force([])
        aggregator.add(1, take_delta(worker))
        clock.now += 5 * RETIRE_AFTER_S
        assert "careful" in shown.render().decode()
    aggregator.add(1, take_delta(worker))
    total = 'guardtune_requests_total{code="200",model="m",policy="careful",stream="true"} 1.0'
    assert total in _lines(shown, "guardtune_requests_total")
    aggregator.left(1, worker.tally)
    clock.now += RETIRE_AFTER_S
    assert "careful" not in shown.render().decode()


def test_late_report_of_a_retired_version_does_not_stay() -> None:
    """Neither of one that is known by its sha, nor of one that is known by its name."""
    clock = _Clock()
    shown = Metrics(clock=clock)
    aggregator = Aggregator(shown)
    aggregator.joined(1)
    late = Metrics()
    _ask(late, PolicyRef("gone", "1" * 12))
    with late.measure(is_stream=False) as meter:
        meter.bind("m", PolicyRef("long-gone", "2" * 12))
    aggregator.add(1, take_delta(late))
    assert "gone" in shown.render().decode()
    clock.now += RETIRE_AFTER_S
    assert "gone" not in shown.render().decode()


def test_unknown_models_stay_counted() -> None:
    """Their policy is `none`, which nobody retires."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    metrics.refused(404)
    metrics.render()
    clock.now += RETIRE_AFTER_S
    assert _lines(metrics, 'guardtune_requests_total{code="404",model="unknown",policy="none"')
