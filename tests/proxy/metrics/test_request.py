"""One measured request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.domain import PolicyRef, Transcript, Usage
from proxy.errors import BackendError, OverloadedError, RequestError
from proxy.metrics import Metrics, RequestMeter

POLICY = PolicyRef("p", "0" * 12)


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def _count(metrics: Metrics, code: str, *, stream: str = "false") -> float | None:
    return _value(
        metrics, "guardtune_requests_total", model="m", policy="p", code=code, stream=stream
    )


def _fail(
    metrics: Metrics, error: BaseException, *, has_left: Callable[[], bool] | None = None
) -> None:
    with metrics.measure(is_stream=False, has_left=has_left) as meter:
        meter.bind("m", POLICY)
        raise error


def test_our_own_time_leaves_out_what_we_waited_for() -> None:
    """Ten seconds, seven of them the backend's."""
    metrics = Metrics()
    clock = iter([0.0, 2.0, 9.0, 10.0]).__next__
    with RequestMeter(metrics, is_stream=False, clock=clock) as meter:
        meter.bind("m", POLICY)
        meter.waited(meter.now())
    assert _value(metrics, "guardtune_overhead_seconds_sum", model="m", policy="p") == 3.0
    assert _value(metrics, "guardtune_request_duration_seconds_sum", model="m", policy="p") == 10.0


def test_first_token_is_the_first_text_not_the_first_chunk() -> None:
    """A stream begins with a chunk that only names the role."""
    metrics = Metrics()
    clock = iter([0.0, 3.0, 9.0]).__next__
    with RequestMeter(metrics, is_stream=True, clock=clock) as meter:
        meter.bind("m", POLICY)
        meter.transcript = Transcript()
        meter.saw_chunk()
        meter.transcript.add_text("Hi")
        meter.saw_chunk()
        meter.saw_chunk()
    name = "guardtune_time_to_first_token_seconds_sum"
    assert _value(metrics, name, model="m", policy="p") == 3.0


def test_time_for_a_token_is_that_after_the_first() -> None:
    """Six seconds for the three that came after it; a single token has none."""
    metrics = Metrics()
    for n_tokens in (4, 1):
        clock = iter([0.0, 3.0, 9.0]).__next__
        with RequestMeter(metrics, is_stream=True, clock=clock) as meter:
            meter.bind("m", POLICY)
            meter.transcript = Transcript()
            meter.transcript.add_text("Hi")
            meter.saw_chunk()
            meter.transcript.usage = Usage(prompt_tokens=1, completion_tokens=n_tokens)
    name = "guardtune_time_per_output_token_seconds"
    assert _value(metrics, f"{name}_sum", model="m", policy="p") == 2.0
    assert _value(metrics, f"{name}_count", model="m", policy="p") == 1


def test_tokens_are_taken_from_the_transcript() -> None:
    """As the backend counted them."""
    metrics = Metrics()
    with metrics.measure(is_stream=False) as meter:
        meter.bind("m", POLICY)
        meter.transcript = Transcript()
        meter.transcript.usage = Usage(prompt_tokens=10, completion_tokens=3, cached_tokens=8)
    tokens = {
        kind: _value(metrics, "guardtune_tokens_total", model="m", policy="p", type=kind)
        for kind in ("prompt", "cached", "completion")
    }
    assert tokens == {"prompt": 10, "cached": 8, "completion": 3}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestError("no", status=403), "403"),
        (BackendError("no", model="m", error_type="timeout", status=504), "504"),
        (OverloadedError("queue_full"), "503"),
        (asyncio.CancelledError(), "499"),
        (ZeroDivisionError(), "500"),
    ],
    ids=["request", "backend", "overloaded", "client gone", "bug"],
)
def test_failures_are_counted_under_their_code(error: BaseException, code: str) -> None:
    """And not in the latencies, which would then look better than they are."""
    metrics = Metrics()
    with pytest.raises(type(error)):
        _fail(metrics, error)
    assert _count(metrics, code) == 1
    name = "guardtune_request_duration_seconds_count"
    assert _value(metrics, name, model="m", policy="p") == 0


@pytest.mark.parametrize(("has_left", "code"), [(True, "499"), (False, "503")])
def test_cancelled_request_counts_by_who_has_cancelled_it(code: str, *, has_left: bool) -> None:
    """A server that stops does, too, and tells the client that it drains."""
    metrics = Metrics()
    with pytest.raises(asyncio.CancelledError):
        _fail(metrics, asyncio.CancelledError(), has_left=lambda: has_left)
    assert _count(metrics, code) == 1
    drained = _value(metrics, "guardtune_rejected_total", reason="draining")
    assert drained == (None if has_left else 1)


def test_failure_of_a_backend_has_its_kind() -> None:
    """By exception, or as the upstream's own answer."""
    metrics = Metrics()
    with pytest.raises(BackendError):
        _fail(metrics, BackendError("no", model="m", error_type="closed"))
    for status in (429, 500):
        with metrics.measure(is_stream=False) as meter:
            meter.bind("m", POLICY)
            meter.status = status
    kinds = {
        kind: _value(metrics, "guardtune_upstream_errors_total", model="m", error_type=kind)
        for kind in ("closed", "status_4xx", "status_5xx")
    }
    assert kinds == {"closed": 1, "status_4xx": 1, "status_5xx": 1}


def test_unknown_model_never_becomes_a_label() -> None:
    """A client could otherwise make as many series as it likes."""
    metrics = Metrics()
    with pytest.raises(RequestError), metrics.measure(is_stream=True):
        raise RequestError("no such model", status=404)
    assert _value(
        metrics, "guardtune_requests_total", model="unknown", policy="none", code="404",
        stream="true",
    ) == 1  # fmt: skip


def test_rejections_are_counted_by_reason() -> None:
    """Why clients get 503."""
    metrics = Metrics()
    with pytest.raises(OverloadedError), metrics.measure(is_stream=False):
        raise OverloadedError("loading")
    assert _value(metrics, "guardtune_rejected_total", reason="loading") == 1


def test_work_in_the_midst_of_a_wait_is_ours() -> None:
    """A piece that goes on at once is not waited for any more."""
    metrics = Metrics()
    clock = iter([0.0, 1.0, 2.0, 5.0, 11.0, 12.0]).__next__
    with RequestMeter(metrics, is_stream=True, clock=clock) as meter:
        meter.bind("m", POLICY)
        waits = meter.now()
        meter.worked(meter.now())
        meter.waited(waits)
    total = _value(metrics, "guardtune_overhead_seconds_sum", model="m", policy="p")
    assert total == pytest.approx(12.0 - (10.0 - 3.0))
