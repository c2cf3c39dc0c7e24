"""One chat request, measured: a stopwatch that knows whose time it is, and its series."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from proxy.domain import PolicyRef, Transcript, Usage
from proxy.errors import BackendError, OverloadedError, RequestError

if TYPE_CHECKING:
    from proxy.metrics.families import Counter
    from proxy.metrics.recorder import Metrics

CLIENT_GONE = 499
"""nginx's number for a client that closed the connection before its answer."""

_UNAVAILABLE = 503
_SERVER_ERROR = 500
_CLIENT_ERROR = 400


class RequestSeries:
    """The series of one (model, policy), bound once: looking labels up costs more than counting.

    Attributes:
        running: requests under way that will be counted here.
    """

    __slots__ = ("_by_code", "_metrics", "cached", "completion", "duration", "first_token", "model",
                 "overhead", "per_token", "policy", "prompt", "running")  # fmt: skip

    def __init__(self, metrics: Metrics, model: str, policy: PolicyRef) -> None:
        self._metrics = metrics
        self._by_code: dict[tuple[int, bool], Counter] = {}
        self.model = model
        self.policy = policy
        self.running = 0
        self.duration = metrics.request_duration.labels(model, policy.name)
        self.overhead = metrics.overhead.labels(model, policy.name)
        self.first_token = metrics.first_token.labels(model, policy.name)
        self.per_token = metrics.per_token.labels(model, policy.name)
        self.prompt, self.cached, self.completion = (
            metrics.tokens.labels(model, policy.name, kind)
            for kind in ("prompt", "cached", "completion")
        )

    def count(self, code: int, *, is_stream: bool) -> None:
        """Count one request that ended with this status."""
        self._metrics.tally.request_ended()
        counter = self._by_code.get((code, is_stream))
        if counter is None:
            counter = self._metrics.requests.labels(
                self.model, self.policy.name, str(code), "true" if is_stream else "false"
            )
            self._by_code[code, is_stream] = counter
        counter.inc()

    def count_tokens(self, usage: Usage) -> None:
        """Count what one answer took and gave."""
        self.prompt.inc(usage.prompt_tokens)
        if usage.cached_tokens:
            self.cached.inc(usage.cached_tokens)
        self.completion.inc(usage.completion_tokens)


Subject = tuple[RequestSeries | None, Transcript | None]
"""What a meter measures: whose request it is, and its answer."""


class RequestMeter:
    """Measures one request; leaving the ``with`` block records it, however it ended.

    Time is ours unless it is passed to `waited`.

    Args:
        metrics: counts.
        is_stream: whether the client asked for a stream.
        has_left: says of a cancelled request whether that is because its client has left; if not,
            the server cuts off what has not ended within its drain time. None where nobody can
            tell: then the client has.
        clock: seconds, monotonic.

    Attributes:
        now: gives seconds on the meter's clock, to be handed back to `waited`.
        status: the answer's.
        transcript: the answer's.
        is_failure_counted: whether somebody else has counted the failure that ends it.
    """

    __slots__ = ("_first_token_s", "_has_left", "_is_stream", "_metrics", "_series", "_started",
                 "_waited_s", "is_failure_counted", "now", "status", "transcript")  # fmt: skip

    def __init__(
        self,
        metrics: Metrics,
        *,
        is_stream: bool,
        has_left: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._metrics = metrics
        self._has_left = has_left
        self._series: RequestSeries | None = None
        self._is_stream = is_stream
        self.now = clock
        self._started = clock()
        self._waited_s = 0.0
        self._first_token_s: float | None = None
        self.status = 200
        self.transcript: Transcript | None = None
        self.is_failure_counted = False

    def __enter__(self) -> Self:
        return self

    def bind(self, model: str, policy: PolicyRef) -> None:
        """Say whose request it is, once both are known; said again, the last one holds."""
        if self._series is not None:
            self._series.running -= 1
        self._series = self._metrics.series(model, policy)
        self._series.running += 1

    @property
    def subject(self) -> Subject:
        """What is measured now, for `resume`."""
        return self._series, self.transcript

    def resume(self, subject: Subject) -> None:
        """Measure again what was measured before other models were asked."""
        series, self.transcript = subject
        if series is not None:
            self.bind(series.model, series.policy)

    def waited(self, since: float) -> None:
        """Take the time since then as somebody else's: a backend's, or the queue's."""
        self._waited_s += self.now() - since

    def worked(self, since: float) -> None:
        """Take the time since then as ours after all, in the midst of a wait."""
        self._waited_s -= self.now() - since

    def saw_chunk(self) -> bool:
        """Note the first text of a stream; whether it has come."""
        if self._first_token_s is None and self.transcript is not None and self.transcript.has_text:
            self._first_token_s = self.now() - self._started
        return self._first_token_s is not None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        duration_s = self.now() - self._started
        if isinstance(error, asyncio.CancelledError) and self._has_left and not self._has_left():
            error = OverloadedError("draining")  # as the edge tells the client
        code = self.status if error is None else _code_of(error)
        if isinstance(error, OverloadedError):
            self._metrics.rejected.labels(error.reason).inc()
        if self._series is None:
            self._metrics.refused(code, is_stream=self._is_stream)
            return
        self._series.running -= 1
        self._series.count(code, is_stream=self._is_stream)
        transcript = self.transcript
        failure = _upstream_failure(error, self.status, transcript)
        if failure is not None and not self.is_failure_counted:
            self._metrics.upstream_errors.labels(self._series.model, failure).inc()
        if code < _CLIENT_ERROR:
            self._observe(self._series, duration_s)
        if transcript is not None and transcript.usage is not None:
            self._series.count_tokens(transcript.usage)

    def _observe(self, series: RequestSeries, duration_s: float) -> None:
        series.duration.observe(duration_s)
        series.overhead.observe(max(0.0, duration_s - self._waited_s))
        if self._is_stream and self._first_token_s is not None:
            series.first_token.observe(self._first_token_s)
            usage = None if self.transcript is None else self.transcript.usage
            if usage is not None and usage.completion_tokens > 1:
                after_s = duration_s - self._first_token_s
                series.per_token.observe(after_s / (usage.completion_tokens - 1))


def _upstream_failure(
    error: BaseException | None, status: int, transcript: Transcript | None
) -> str | None:
    """Name the backend's failure, if it was one; an answer may also be bad under a good status."""
    if isinstance(error, BackendError):
        return error.error_type
    if error is not None:
        return None
    if status < _CLIENT_ERROR:
        return None if transcript is None else transcript.error_type
    return "status_5xx" if status >= _SERVER_ERROR else "status_4xx"


def _code_of(error: BaseException) -> int:
    match error:
        case RequestError() | BackendError():
            return error.status
        case OverloadedError():
            return _UNAVAILABLE
        case asyncio.CancelledError():
            return CLIENT_GONE
        case _:
            return _SERVER_ERROR
