"""One-shot probes: labelled prompts through the live policy, so that harm per policy is measured.

Users' traffic carries no labels, and guessing at it would be just that. So each policy version that
is live for a model is sent the probe split once, at lowest priority, and the answers are judged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.backends.base import Backend
from proxy.domain import Kind, PolicyRef, Priority, Prompt
from proxy.evaluation.run import Judged, evaluate, tasks_for
from proxy.evaluation.statistics import Mean, Rate
from proxy.metrics import Metrics
from proxy.operations.judging import Judges
from proxy.policy.schema import Policy
from proxy.suites.ordering import sample
from proxy.suites.suite import Suite
from proxy.tasks import cancel, spawn
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)
_Key = tuple[str, PolicyRef]


@dataclass(frozen=True, slots=True)
class Target:
    """A policy that is live for a model."""

    backend: Backend
    policy: Policy

    @property
    def key(self) -> _Key:
        """What one probe is good for: the model's name and the policy's content."""
        return self.backend.model, self.policy.ref


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What one probe found.

    Args:
        model: served name.
        policy: the version probed.
        harmful: harmful among scored answers to harmful-leading prompts.
        over_refusal: refused among scored answers to benign prompts.
        relevance: mean over all scored answers.
        unscored: answers that the judge could not decide, or that never came.
        finished_at: Unix seconds.
    """

    model: str
    policy: PolicyRef
    harmful: Rate
    over_refusal: Rate
    relevance: Mean
    unscored: int
    finished_at: float


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """How to probe.

    Args:
        prompts: the labelled prompts, the same for every policy.
        concurrency: answers in flight at once; users' requests need the other slots.
        max_tokens: asked for; a policy may lower it.
        seed: of the samplers; the same prompts and seeds make two policies comparable.
    """

    prompts: tuple[Prompt, ...]
    concurrency: int = 4
    max_tokens: int = 64
    seed: int = 0


def pick(suite: Suite, *, per_kind: int, seed: int) -> tuple[Prompt, ...]:
    """Choose prompts of the probe split, categories in proportion, harmful-leading ones first.

    Args:
        suite: its probe split is used, which neither search nor validation ever sees.
        per_kind: how many harmful-leading ones, and how many benign ones, at most.
        seed: decides which.
    """
    kinds: tuple[Kind, ...] = ("harmful", "benign")
    return tuple(
        prompt
        for kind in kinds
        for prompt in sample(suite.select(kind=kind, split="probe"), per_kind, seed)
    )


def summarise(target: Target, judged: Sequence[Judged], *, finished_at: float) -> ProbeReport:
    """Turn one probe's judged answers into rates; unscored answers are in no rate."""
    scored = [item for item in judged if item.verdict.status == "scored"]
    harmful = [item.verdict for item in scored if item.task.prompt.kind == "harmful"]
    benign = [item.verdict for item in scored if item.task.prompt.kind == "benign"]
    relevance = [item.verdict.relevant for item in scored if item.verdict.relevant is not None]
    return ProbeReport(
        model=target.backend.model,
        policy=target.policy.ref,
        harmful=Rate.of(bool(verdict.harmful) for verdict in harmful),
        over_refusal=Rate.of(verdict.is_refusal for verdict in benign),
        relevance=Mean.of(relevance),
        unscored=len(judged) - len(scored),
        finished_at=finished_at,
    )


class Probes:
    """Probes each live (model, policy version) once, one after the other, in the background.

    Args:
        plan: prompts and pace.
        targets: what is live now; asked again at every `refresh`.
        judges: the model's own judges its answers; started and closed by their owner.
        metrics: where results go.
        clock: Unix seconds.
    """

    def __init__(
        self,
        plan: ProbePlan,
        targets: Callable[[], Sequence[Target]],
        judges: Judges,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._plan = plan
        self._targets = targets
        self._judges = judges
        self._metrics = metrics
        self._clock = clock
        self._live: dict[_Key, Target] = {}
        self._reports: dict[_Key, ProbeReport] = {}
        self._failed: set[_Key] = set()
        self._running: tuple[_Key, asyncio.Task[None]] | None = None
        self._is_closed = False
        self.idle = asyncio.Event()
        self.idle.set()

    @property
    def reports(self) -> tuple[ProbeReport, ...]:
        """Results of the policy versions that are live, oldest first."""
        return tuple(self._reports.values())

    @property
    def running(self) -> _Key | None:
        """What is being probed now."""
        return None if self._running is None else self._running[0]

    def refresh(self) -> None:
        """Take over what is live: drop what has retired, also midway, and probe what is new.

        Call it on the event loop, when models are ready and after every policy change.
        """
        self._live = {target.key: target for target in self._targets()}
        self._reports = {key: item for key, item in self._reports.items() if key in self._live}
        self._failed &= self._live.keys()
        if self._running is not None and self._running[0] not in self._live:
            self._running[1].cancel()
        elif self._running is None:
            self._start_next()

    async def close(self) -> None:
        """Stop probing; nothing is started afterwards."""
        self._is_closed = True
        if self._running is not None:
            await cancel(self._running[1])

    def _start_next(self) -> None:
        known = self._reports.keys() | self._failed
        target = next((item for key, item in self._live.items() if key not in known), None)
        if target is None or self._is_closed:
            self._running = None
            self.idle.set()
            return
        self.idle.clear()
        task = spawn(self._probe(target), name=f"probe-{target.key[0]}-{target.policy.ref}")
        self._running = (target.key, task)
        task.add_done_callback(lambda task: self._finished(target.key, task))

    def _finished(self, key: _Key, task: asyncio.Task[None]) -> None:
        if key not in self._reports and not task.cancelled():
            self._failed.add(key)  # a bug, logged by the task; trying for ever would help nobody
        self._start_next()

    async def _probe(self, target: Target) -> None:
        model, ref = target.key
        _log.info("%s", logfmt("probe_started", model=model, policy=ref))
        tasks = tasks_for(
            target.policy,
            self._plan.prompts,
            run_seed=self._plan.seed,
            max_tokens=self._plan.max_tokens,
        )
        judged = await evaluate(
            target.backend,
            self._judges.of(model),
            tasks,
            concurrency=self._plan.concurrency,
            priority=Priority.BACKGROUND,
            on_judged=lambda item: self._count(target, item),
        )
        report = summarise(target, judged, finished_at=self._clock())
        self._reports[target.key] = report
        self._publish(report)

    def _count(self, target: Target, judged: Judged) -> None:
        model, ref = target.key
        self._metrics.probe_answers.labels(
            model, ref.name, ref.sha, judged.task.prompt.category, judged.verdict.outcome
        ).inc()

    def _publish(self, report: ProbeReport) -> None:
        labels = (report.model, report.policy.name, report.policy.sha)
        metrics = self._metrics
        metrics.probe_n.labels(*labels).set(report.harmful.n)
        metrics.probe_last_run.labels(*labels).set(report.finished_at)
        if report.harmful.n:
            metrics.probe_harmful.labels(*labels).set(report.harmful.value)
            metrics.probe_lower.labels(*labels).set(report.harmful.interval.low)
            metrics.probe_upper.labels(*labels).set(report.harmful.interval.high)
        if report.over_refusal.n:
            metrics.probe_over_refusal.labels(*labels).set(report.over_refusal.value)
        if report.relevance.n:
            metrics.probe_relevance.labels(*labels).set(report.relevance.value)
        line = logfmt(
            "probe_finished",
            model=report.model,
            policy=report.policy,
            harmful=report.harmful,
            over_refusal=report.over_refusal,
            relevance=report.relevance,
            unscored=report.unscored,
        )
        _log.info("%s", line)
