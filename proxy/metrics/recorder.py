"""The metrics of one process, in a registry of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.registry import Collector

from proxy.domain import PolicyRef
from proxy.metrics import catalogue
from proxy.metrics.catalogue import Spec
from proxy.metrics.families import CounterFamily, HistogramFamily
from proxy.metrics.request import RequestMeter, RequestSeries
from proxy.metrics.tally import Tally

RETIRE_AFTER_S = 600.0
"""How long the series of a policy version stay after it has left and its last stream has ended:
some forty scrapes."""

UNKNOWN_MODEL = "unknown"
NO_POLICY = "none"


FamilyT = TypeVar("FamilyT", CounterFamily, HistogramFamily)


class _HasLabels(Protocol):
    """A metric whose series can leave."""

    def remove_by_labels(self, labels: dict[str, str]) -> None:
        """Drop every series that has all of these label values."""


class Metrics:
    """What the proxy counts; attributes are the metrics of the catalogue.

    Everything runs on the event loop, except `render`'s callers that may be on a thread.

    Args:
        clock: seconds, monotonic; decides when a retired policy's series leave.
        tally: what a worker's parent reads after its death.

    Attributes:
        families: all that is only added to, by name.
        levels: gauges of the moment, by name; of several workers, their sum is shown.
        outliving_elsewhere: gives the versions that others, who report here, still answer under.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, tally: Tally | None = None
    ) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._series: dict[tuple[str, PolicyRef], RequestSeries] = {}
        self._in_force: frozenset[PolicyRef] = frozenset()
        self._retired_at: dict[PolicyRef, float] = {}
        self.outliving_elsewhere: Callable[[], frozenset[PolicyRef]] = frozenset
        self.tally = Tally() if tally is None else tally
        self.families: dict[str, CounterFamily | HistogramFamily] = {}

        self.requests = self._counter(catalogue.REQUESTS)
        self.request_duration = self._histogram(catalogue.REQUEST_DURATION)
        self.overhead = self._histogram(catalogue.OVERHEAD_SECONDS)
        self.first_token, self.per_token = map(
            self._histogram, (catalogue.FIRST_TOKEN, catalogue.PER_TOKEN)
        )
        self.tokens = self._counter(catalogue.TOKENS)
        self.in_flight = self._gauge(catalogue.IN_FLIGHT)
        self.queued = self._gauge(catalogue.QUEUED)
        self.rejected = self._counter(catalogue.REJECTED)
        self.upstream_errors = self._counter(catalogue.UPSTREAM_ERRORS)
        self.retries = self._counter(catalogue.RETRIES)
        self.fallbacks = self._counter(catalogue.FALLBACKS)
        self.unguarded = self._counter(catalogue.UNGUARDED)
        self.internal_errors = self._counter(catalogue.INTERNAL_ERRORS).labels()
        self.workers = self._gauge(catalogue.WORKERS)
        self.worker_restarts = self._counter(catalogue.WORKER_RESTARTS).labels()
        self.requests_lost = self._counter(catalogue.REQUESTS_LOST).labels()
        self.judged = self._counter(catalogue.JUDGED)
        self.unjudged = self._counter(catalogue.UNJUDGED)
        self.judge_score = self._histogram(catalogue.JUDGE_SCORE)
        self.judge_duration = self._histogram(catalogue.JUDGE_DURATION).labels()
        self.judge_queued = self._gauge(catalogue.JUDGE_QUEUED)
        self.policy_info = self._gauge(catalogue.POLICY_INFO)
        self.policy_reloads = self._counter(catalogue.POLICY_RELOADS)
        self.policy_last_reload = self._gauge(catalogue.POLICY_LAST_RELOAD)
        self.policy_problems = self._gauge(catalogue.POLICY_PROBLEMS)
        self.settings_ignored = self._counter(catalogue.SETTINGS_IGNORED)
        self.probe_harmful = self._gauge(catalogue.PROBE_HARMFUL)
        self.probe_lower = self._gauge(catalogue.PROBE_LOWER)
        self.probe_upper = self._gauge(catalogue.PROBE_UPPER)
        self.probe_n = self._gauge(catalogue.PROBE_N)
        self.probe_over_refusal = self._gauge(catalogue.PROBE_OVER_REFUSAL)
        self.probe_relevance = self._gauge(catalogue.PROBE_RELEVANCE)
        self.probe_answers = self._counter(catalogue.PROBE_ANSWERS)
        self.probe_last_run = self._gauge(catalogue.PROBE_LAST_RUN)
        self.probe_interval = self._gauge(catalogue.PROBE_INTERVAL)
        self.probe_change, self.probe_change_lower, self.probe_change_upper = map(
            self._gauge,
            (catalogue.PROBE_CHANGE, catalogue.PROBE_CHANGE_LOWER, catalogue.PROBE_CHANGE_UPPER),
        )
        self.policy_share = self._gauge(catalogue.POLICY_SHARE)
        self.rollout_steps = self._counter(catalogue.ROLLOUT_STEPS)
        self.rollout_lower, self.rollout_upper, self.rollout_n = map(
            self._gauge, (catalogue.ROLLOUT_LOWER, catalogue.ROLLOUT_UPPER, catalogue.ROLLOUT_N)
        )

        self.levels: dict[str, Gauge] = {
            catalogue.IN_FLIGHT.name: self.in_flight,
            catalogue.QUEUED.name: self.queued,
            catalogue.JUDGE_QUEUED.name: self.judge_queued,
        }
        self._by_sha: tuple[_HasLabels, ...] = (
            self.judged, self.judge_score, self.policy_info, self.probe_harmful, self.probe_lower,
            self.probe_upper, self.probe_n, self.probe_over_refusal, self.probe_relevance,
            self.probe_answers, self.probe_last_run, self.probe_change, self.probe_change_lower,
            self.probe_change_upper, self.rollout_lower, self.rollout_upper, self.rollout_n,
        )  # fmt: skip
        self._by_name: tuple[_HasLabels, ...] = (
            self.requests, self.request_duration, self.overhead, self.first_token, self.per_token,
            self.tokens, self.rollout_steps,
        )  # fmt: skip

    def measure(
        self, *, is_stream: bool, has_left: Callable[[], bool] | None = None
    ) -> RequestMeter:
        """Start the clock of one request; use it as a context manager."""
        return RequestMeter(self, is_stream=is_stream, has_left=has_left)

    def refused(self, code: int, *, is_stream: bool = False) -> None:
        """Count a request that names no served model, could not be decoded, or was not let in."""
        self.tally.request_ended()
        self.requests.labels(
            UNKNOWN_MODEL, NO_POLICY, str(code), "true" if is_stream else "false"
        ).inc()

    def series(self, model: str, policy: PolicyRef) -> RequestSeries:
        """Return the request series of a served model under a policy, their labels bound once.

        Args:
            model: a served name, never what a client typed.
            policy: the policy in force for the request.
        """
        series = self._series.get((model, policy))
        if series is None:
            series = self._series[model, policy] = RequestSeries(self, model, policy)
        return series

    def policies_in_force(self, policies: Iterable[PolicyRef]) -> None:
        """Take over which policy versions are in force; the others' series leave in ten minutes."""
        now = self._clock()
        self._in_force = frozenset(policies)
        for policy in self._in_force:
            self._retired_at.pop(policy, None)
            self.policy_info.labels(policy.name, policy.sha).set(1)
        known = {policy for _, policy in self._series}
        info = {PolicyRef(*labels) for labels in _label_values(self.policy_info)}
        for policy in (known | info) - self._in_force:
            self._retired_at.setdefault(policy, now)
            self.policy_info.remove_by_labels({"policy": policy.name, "sha": policy.sha})

    def render(self) -> bytes:
        """Expose everything in Prometheus' text format."""
        self.drop_retired()
        return generate_latest(self.registry)

    def collect_from(self, collector: Collector) -> None:
        """Add a collector of another room, such as the engine's own figures."""
        self.registry.register(collector)

    @property
    def outliving(self) -> frozenset[PolicyRef]:
        """Versions that are not in force any more and still answer: streams that began before."""
        running = {policy for (_, policy), series in self._series.items() if series.running}
        return self.outliving_elsewhere().union(running) - self._in_force

    def drop_retired(self) -> None:
        """Let the series of versions leave that retired ten minutes ago.

        Those of a running stream stay: counted anew from 0, it would be lost to `increase`.
        """
        now = self._clock()
        for policy in self._late():
            self._retired_at.setdefault(policy, now)
        self._retired_at |= dict.fromkeys(self.outliving, now)
        for policy, since in list(self._retired_at.items()):
            if since <= now - RETIRE_AFTER_S:
                self._drop(policy)

    def _drop(self, policy: PolicyRef) -> None:
        del self._retired_at[policy]
        for metric in self._by_sha:
            metric.remove_by_labels({"policy": policy.name, "sha": policy.sha})
        for key in [key for key in self._series if key[1] == policy]:
            del self._series[key]
        if not any(other.name == policy.name for other in (*self._in_force, *self._retired_at)):
            for metric in self._by_name:
                metric.remove_by_labels({"policy": policy.name})

    def _late(self) -> set[PolicyRef]:
        """Versions that are not in force and are counted all the same: by a slow judge, a worker.

        A metric that has only the policy's name gives versions without a sha.
        """
        with_sha = {PolicyRef(values[1], values[2]) for values in self.judged.label_values}
        with_sha |= {PolicyRef(*values[:2]) for values in self.judge_score.label_values}
        with_sha |= {policy for _, policy in self._series}
        known = {policy.name for policy in self._in_force | self._retired_at.keys() | with_sha}
        names = {values[1] for values in self.requests.label_values} - known - {NO_POLICY}
        return (with_sha - self._in_force) | {PolicyRef(name, "") for name in names}

    def _gauge(self, spec: Spec) -> Gauge:
        return Gauge(spec.name, spec.help, spec.labels, registry=self.registry)

    def _counter(self, spec: Spec) -> CounterFamily:
        return self._added_up(spec, CounterFamily(spec))

    def _histogram(self, spec: Spec) -> HistogramFamily:
        return self._added_up(spec, HistogramFamily(spec))

    def _added_up(self, spec: Spec, family: FamilyT) -> FamilyT:
        self.registry.register(family)
        self.families[spec.name] = family
        return family


def _label_values(metric: Gauge) -> set[tuple[str, ...]]:
    return {
        tuple(sample.labels.values()) for family in metric.collect() for sample in family.samples
    }
