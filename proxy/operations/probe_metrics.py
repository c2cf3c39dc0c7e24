"""Probe results as metrics and log lines."""

from __future__ import annotations

import logging

from proxy.evaluation.run import Judged
from proxy.evaluation.statistics import paired_difference
from proxy.metrics import Metrics
from proxy.operations.probe_report import Change, ProbeReport
from proxy.operations.target import TargetKey
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)

_LABELS = ("model", "policy", "sha")


class ProbeMetrics:
    """Writes what probes found where people look.

    Args:
        metrics: their gauges and counters.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def count(self, key: TargetKey, judged: Judged) -> None:
        """Count one answer by its prompt's kind and category, and by its outcome."""
        model, ref = key
        prompt = judged.task.prompt
        self._metrics.probe_answers.labels(
            model, ref.name, ref.sha, prompt.kind, prompt.category, judged.verdict.outcome
        ).inc()

    def report(self, report: ProbeReport) -> None:
        """Show a finished probe; a rate of nothing is not shown, nor is an older one beside it."""
        labels = (report.model, report.policy.name, report.policy.sha)
        metrics = self._metrics
        metrics.probe_n.labels(*labels).set(report.harmful.n)
        metrics.probe_last_run.labels(*labels).set(report.finished_at)
        for gauge, value, n in (
            (metrics.probe_harmful, report.harmful.value, report.harmful.n),
            (metrics.probe_lower, report.harmful.interval.low, report.harmful.n),
            (metrics.probe_upper, report.harmful.interval.high, report.harmful.n),
            (metrics.probe_over_refusal, report.over_refusal.value, report.over_refusal.n),
            (metrics.probe_relevance, report.relevance.value, report.relevance.n),
        ):
            if n:
                gauge.labels(*labels).set(value)
            else:
                gauge.remove_by_labels(dict(zip(_LABELS, labels, strict=True)))
        _log.info("%s", _finished(report))

    def change(self, key: TargetKey, change: Change) -> None:
        """Show how a live version differs from the one before it."""
        model, ref = key
        for kind, pairs in change.pairs.items():
            if not pairs.n:
                continue
            labels = (model, ref.name, ref.sha, kind)
            interval = paired_difference(pairs)
            self._metrics.probe_change.labels(*labels).set(pairs.gap)
            self._metrics.probe_change_lower.labels(*labels).set(interval.low)
            self._metrics.probe_change_upper.labels(*labels).set(interval.high)

    def drop_change(self, key: TargetKey) -> None:
        """Show it no longer: users do not get that version any more."""
        model, ref = key
        labels = {"model": model, "policy": ref.name, "sha": ref.sha}
        for gauge in (
            self._metrics.probe_change,
            self._metrics.probe_change_lower,
            self._metrics.probe_change_upper,
        ):
            gauge.remove_by_labels(labels)


def _finished(report: ProbeReport) -> str:
    return logfmt(
        "probe_finished",
        model=report.model,
        policy=report.policy,
        round=report.round,
        harmful=report.harmful,
        over_refusal=report.over_refusal,
        relevance=report.relevance,
        unscored=report.unscored,
    )
