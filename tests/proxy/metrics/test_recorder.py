"""Series come with a policy version and leave some time after it."""

from __future__ import annotations

from proxy.domain import PolicyRef
from proxy.metrics import Metrics
from proxy.metrics.recorder import RETIRE_AFTER_S

OLD, NEW = PolicyRef("careful", "0" * 12), PolicyRef("careful", "1" * 12)
OTHER = PolicyRef("other", "2" * 12)


class _Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _record(metrics: Metrics, policy: PolicyRef) -> None:
    with metrics.measure(is_stream=False) as meter:
        meter.bind("m", policy)
    metrics.judged.labels("m", policy.name, policy.sha, "safe").inc()
    metrics.probe_harmful.labels("m", policy.name, policy.sha).set(0.5)


def test_policy_info_shows_what_is_in_force() -> None:
    """At once, so that a dashboard can join on it."""
    metrics = Metrics()
    metrics.policies_in_force([OLD, OTHER])
    metrics.policies_in_force([NEW, OTHER])
    text = metrics.render().decode()
    assert f'guardtune_policy_info{{policy="careful",sha="{NEW.sha}"}} 1.0' in text
    assert f'guardtune_policy_info{{policy="careful",sha="{OLD.sha}"}}' not in text


def test_retired_version_leaves_after_ten_minutes() -> None:
    """Long enough for the last scrapes, short enough that searches do not fill Prometheus."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    metrics.policies_in_force([OLD])
    _record(metrics, OLD)
    metrics.policies_in_force([NEW])
    clock.now += RETIRE_AFTER_S - 1
    assert OLD.sha in metrics.render().decode()
    clock.now += 1
    assert OLD.sha not in metrics.render().decode()


def test_series_by_name_stay_while_another_version_is_in_force() -> None:
    """Requests are counted by policy name: a new version goes on counting."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    metrics.policies_in_force([OLD])
    _record(metrics, OLD)
    metrics.policies_in_force([NEW])
    clock.now += RETIRE_AFTER_S
    _record(metrics, NEW)
    text = metrics.render().decode()
    assert (
        'guardtune_requests_total{code="200",model="m",policy="careful",stream="false"} 2' in text
    )


def test_series_by_name_leave_with_the_name() -> None:
    """A deleted policy's name goes too."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    metrics.policies_in_force([OLD, OTHER])
    _record(metrics, OLD)
    _record(metrics, OTHER)
    metrics.policies_in_force([OTHER])
    clock.now += RETIRE_AFTER_S
    text = metrics.render().decode()
    assert 'policy="careful"' not in text
    assert 'policy="other"' in text


def test_version_that_comes_back_stays() -> None:
    """A rollback within the ten minutes."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    metrics.policies_in_force([OLD])
    _record(metrics, OLD)
    metrics.policies_in_force([NEW])
    clock.now += RETIRE_AFTER_S / 2
    metrics.policies_in_force([OLD])
    clock.now += RETIRE_AFTER_S
    assert (
        f'guardtune_judged_total{{model="m",outcome="safe",policy="careful",sha="{OLD.sha}"}}'
        in (metrics.render().decode())
    )


def test_series_stay_while_a_stream_of_the_version_runs() -> None:
    """However long: counted anew from 0, it would be lost to `increase`."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    metrics.policies_in_force([OLD])
    _record(metrics, OLD)
    with metrics.measure(is_stream=False) as meter:
        meter.bind("m", OLD)
        metrics.policies_in_force([OTHER])
        for _ in range(3):
            clock.now += RETIRE_AFTER_S
            metrics.drop_retired()
        assert metrics.outliving == {OLD}
    sample = {"code": "200", "model": "m", "policy": "careful", "stream": "false"}
    assert metrics.registry.get_sample_value("guardtune_requests_total", sample) == 2
    assert metrics.outliving == set()
    clock.now += RETIRE_AFTER_S - 1
    assert "careful" in metrics.render().decode()
    clock.now += 1
    assert "careful" not in metrics.render().decode()


def test_stream_that_goes_on_under_another_version_holds_only_that_one() -> None:
    """A fallback has a policy of its own."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    with metrics.measure(is_stream=False) as meter:
        meter.bind("m", OLD)
        meter.bind("n", OTHER)
        assert metrics.outliving == {OTHER}
    assert metrics.outliving == set()


def test_version_that_comes_back_after_another_of_its_name_left_is_counted() -> None:
    """The requests of a name are one series: it leaves with the last version that has it."""
    clock = _Clock()
    metrics = Metrics(clock=clock)
    metrics.policies_in_force([OLD])
    _record(metrics, OLD)
    metrics.policies_in_force([NEW])
    _record(metrics, NEW)
    clock.now += RETIRE_AFTER_S / 2
    metrics.policies_in_force([OTHER])
    clock.now += RETIRE_AFTER_S / 2
    metrics.drop_retired()
    metrics.policies_in_force([NEW])
    _record(metrics, NEW)
    sample = {"code": "200", "model": "m", "policy": "careful", "stream": "false"}
    assert metrics.registry.get_sample_value("guardtune_requests_total", sample) == 3


def test_nothing_is_scraped_twice() -> None:
    """No `_created` series beside the counters."""
    metrics = Metrics()
    _record(metrics, OLD)
    assert "_created" not in metrics.render().decode()


def test_two_registries_do_not_share_anything() -> None:
    """Tests, and two proxies in one process."""
    first, second = Metrics(), Metrics()
    first.internal_errors.inc()
    assert "guardtune_internal_errors_total 0.0" in second.render().decode()
