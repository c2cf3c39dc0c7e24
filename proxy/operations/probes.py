"""Probes: labelled prompts through each live policy, so that harm per policy version is measured.

Users' traffic carries no labels, and guessing at it would be just that. So each policy version that
is live for a model is sent prompts of the probe split at lowest priority, once at once and again in
each scheduled round, and the answers are judged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proxy.backends.base import Backend
from proxy.domain import Priority
from proxy.evaluation.run import Judged, Task, evaluate, tasks_for
from proxy.judges.base import Judge
from proxy.metrics import Metrics
from proxy.operations.judging import Judges
from proxy.operations.probe_history import ProbeHistory
from proxy.operations.probe_lineage import Lineage
from proxy.operations.probe_metrics import ProbeMetrics
from proxy.operations.probe_plan import ProbePlan
from proxy.operations.probe_report import Outcomes, ProbeReport, summarise
from proxy.operations.target import Target, TargetKey
from proxy.tasks import cancel, spawn
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)

MOST_TRIES = 3
"""So often a model is asked for what it owes of one round: a prompt may be what takes it down."""

Listener = Callable[[TargetKey, int, Sequence[Judged]], None]
"""Called with a version, the number of a round, and all of its judged answers in that round."""


class Evaluate(Protocol):
    """Answers and judges tasks; see `proxy.evaluation.run.evaluate`, which does it here."""

    async def __call__(
        self,
        backend: Backend,
        judge: Judge,
        tasks: Sequence[Task],
        /,
        *,
        concurrency: int,
        priority: Priority,
        on_judged: Callable[[Judged], None],
    ) -> object:
        """Hand over each answer once, as soon as it is judged; raises where not all come."""


@dataclass(slots=True)
class _Probe:
    """One version's share of a round: begun, perhaps set aside, and gone on with."""

    target: Target
    round: int
    judged: list[Judged] = field(default_factory=list)
    tries: int = 1


class Probes:
    """Probes each live (model, policy version) once a round, one after the other.

    A version that was never measured comes first, and takes over from a probe under way, whose
    answers so far are kept. A version that others have come to shadow is measured to the end all
    the same: it is what they are compared with. One that has left the folder is not.

    Args:
        plan: prompts and pace.
        targets: what is live now; asked again at every `refresh`.
        judges: the model's own judges its answers; started and closed by their owner.
        metrics: where results go.
        may_finish: whether a begun probe of a version that is not live any more may go on.
        history: where reports are kept.
        first_round: gives the number of the first round that nobody has counted, other servers
            of the folder included: one that was counted must not come again.
        evaluate: does the work, here or elsewhere.
        clock: Unix seconds.
    """

    def __init__(
        self,
        plan: ProbePlan,
        targets: Callable[[], Sequence[Target]],
        judges: Judges,
        metrics: Metrics,
        *,
        may_finish: Callable[[Target], bool],
        history: ProbeHistory,
        first_round: Callable[[], int] = lambda: 0,
        evaluate: Evaluate = evaluate,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._plan = plan
        self._targets = targets
        self._judges = judges
        self._metrics = ProbeMetrics(metrics)
        self._may_finish = may_finish
        self._history = history
        self._evaluate = evaluate
        self._clock = clock
        self._first_round = first_round
        self._round = self._round_of_all = first_round()
        self._wanted: dict[TargetKey, int] = {}
        self._listeners: list[Listener] = []
        self._live: dict[TargetKey, Target] = {}
        self._reports: dict[TargetKey, ProbeReport] = {}
        self._lineage = Lineage()
        self._begun: dict[TargetKey, _Probe] = {}
        self._failed: set[TargetKey] = set()
        self._cut_off: dict[TargetKey, _Probe] = {}
        self._running: tuple[TargetKey, asyncio.Task[None]] | None = None
        self._is_closed = False
        self.idle = asyncio.Event()
        self.idle.set()

    @property
    def reports(self) -> tuple[ProbeReport, ...]:
        """The last result of each policy version that is live."""
        return tuple(item for key, item in self._reports.items() if key in self._live)

    @property
    def history(self) -> tuple[ProbeReport, ...]:
        """The last results of all versions, oldest first."""
        return self._history.reports

    @property
    def running(self) -> TargetKey | None:
        """What is being probed now."""
        return None if self._running is None else self._running[0]

    def refresh(self) -> None:
        """Take over what is live and probe what is new, at once.

        Call it on the event loop, when models are ready and after every policy change.
        """
        old, self._live = self._live, {target.key: target for target in self._targets()}
        self._lineage.moved(old, self._live)
        for key in old.keys() - self._live.keys():
            self._metrics.drop_change(key)
        for key in self._live.keys() - old.keys():
            self._show_changes(key)
        self._forget()
        self._turn()

    def next_round(self, keys: Collection[TargetKey] | None = None) -> None:
        """Have live versions probed again, on another sample of prompts.

        Args:
            keys: which; by default all that are live.
        """
        self._round = max(self._round + 1, self._first_round())
        if keys is None:
            self._round_of_all = self._round
            self._failed.clear()
        else:
            self._wanted |= dict.fromkeys(keys, self._round)
            self._failed.difference_update(keys)
        self._turn()

    def try_again(self, model: str) -> None:
        """Ask a model that is back for what it owes: answers that never came, of the same round.

        Where a probe had nothing scored, whatever the reason, all of it is asked again; the third
        time is the last. `refresh` begins.
        """
        for key, probe in list(self._cut_off.items()):
            if key[0] == model and key in self._live and key not in self._begun:
                scored = [item for item in probe.judged if item.verdict.status == "scored"]
                self._begun[key] = _Probe(
                    self._live[key], probe.round, scored, tries=probe.tries + 1
                )
                self._failed.discard(key)
                del self._cut_off[key]

    def subscribe(self, listener: Listener) -> None:
        """Have ``listener`` called on the event loop whenever a version has ended a round."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Stop probing; nothing is started afterwards, and what was found is kept."""
        self._is_closed = True
        if self._running is not None:
            await cancel(self._running[1])
        await self._history.close()

    def _forget(self) -> None:
        """Let go of results that nothing is compared with, and of probes that may not go on."""
        kept = {key for key in self._reports if key in self._live or self._lineage.needs(key)}
        self._reports = {key: item for key, item in self._reports.items() if key in kept}
        self._failed &= self._live.keys()
        self._cut_off = {key: probe for key, probe in self._cut_off.items() if key in self._live}
        self._wanted = {key: number for key, number in self._wanted.items() if key in self._live}
        for key, probe in list(self._begun.items()):
            if key not in self._live and not self._may_finish(probe.target):
                del self._begun[key]
                self._lineage.answered_in_part(key, probe.round, Outcomes.of(probe.judged))
                self._show_changes(key)

    def _turn(self) -> None:
        """Start what is most urgent; stop what may not go on, or is in its way."""
        wanted = min(self._waiting(), default=None, key=lambda item: item[0])
        if self._running is None:
            self._start(None if wanted is None else wanted[1])
            return
        key, task = self._running
        is_in_the_way = wanted is not None and wanted[0] == 0 and self._urgency(key) > 0
        if key not in self._begun or is_in_the_way:
            task.cancel()

    def _waiting(self) -> Iterator[tuple[int, Target]]:
        due = (target for key, target in self._live.items() if self._is_due(key))
        shadowed = (item.target for key, item in self._begun.items() if key not in self._live)
        for target in (*due, *shadowed):
            if target.key != self.running:
                yield self._urgency(target.key), target

    def _is_due(self, key: TargetKey) -> bool:
        report = self._reports.get(key)
        wanted = max(self._round_of_all, self._wanted.get(key, 0))
        is_open = key in self._begun or report is None or report.round < wanted
        return key not in self._failed and is_open

    def _urgency(self, key: TargetKey) -> int:
        """0 for what users get and nobody has measured, 1 for another round, 2 for the shadowed."""
        if key not in self._live:
            return 2
        return 1 if key in self._reports else 0

    def _start(self, target: Target | None) -> None:
        if target is None or self._is_closed:
            self.idle.set()
            return
        self.idle.clear()
        key = target.key
        probe = self._begun.setdefault(key, _Probe(target, self._number(key)))
        task = spawn(self._probe(probe), name=f"probe-{key[0]}-{key[1]}")
        self._running = (key, task)
        task.add_done_callback(lambda task: self._ended(key, task))

    def _number(self, key: TargetKey) -> int:
        """A new version answers what the one before it answered last, so that the two compare."""
        before = None if key in self._reports else self._lineage.last_round_before(key)
        return self._round if before is None else before

    def _ended(self, key: TargetKey, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and self._begun.pop(key, None) is not None:
            self._failed.add(key)  # a bug, logged by the task; next round may go better
        self._running = None
        self._turn()

    async def _probe(self, probe: _Probe) -> None:
        model, ref = probe.target.key
        _log.info("%s", logfmt("probe_started", model=model, policy=ref, round=probe.round))
        await self._evaluate(
            probe.target.backend,
            self._judges.of(model),
            self._tasks(probe),
            concurrency=self._plan.concurrency,
            priority=Priority.BACKGROUND,
            on_judged=lambda item: self._keep(probe, item),
        )
        self._finish(probe)

    def _tasks(self, probe: _Probe) -> list[Task]:
        done = {item.task.prompt.id for item in probe.judged}
        tasks = tasks_for(
            probe.target.policy,
            [item for item in self._plan.prompts(probe.round) if item.id not in done],
            run_seed=self._plan.seed + probe.round,
            max_tokens=self._plan.max_tokens,
        )
        return list(tasks)

    def _keep(self, probe: _Probe, judged: Judged) -> None:
        probe.judged.append(judged)
        self._metrics.count(probe.target.key, judged)

    def _finish(self, probe: _Probe) -> None:
        key = probe.target.key
        report = summarise(
            probe.target, probe.judged, number=probe.round, finished_at=self._clock()
        )
        del self._begun[key]
        self._reports[key] = report
        self._history.add(report)
        self._metrics.report(report)
        self._note_what_is_owed(probe, report)
        if report.n_scored:
            self._lineage.answered(key, probe.round, Outcomes.of(probe.judged))
            self._show_changes(key)
        for listener in self._listeners:
            listener(key, probe.round, probe.judged)

    def _note_what_is_owed(self, probe: _Probe, report: ProbeReport) -> None:
        """A probe of which nothing was scored has failed; what an outage cost can be made good."""
        key = probe.target.key
        self._cut_off.pop(key, None)
        if not report.n_scored:
            self._failed.add(key)
        is_cut_off = any(item.answer.error is not None for item in probe.judged)
        if (is_cut_off or not report.n_scored) and probe.tries < MOST_TRIES:
            self._cut_off[key] = probe

    def _show_changes(self, key: TargetKey) -> None:
        for now, change in self._lineage.changes(key):
            self._metrics.change(now, change)
