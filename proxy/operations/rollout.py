"""Canaries: measured beside the stable version round by round, promoted or rolled back by that.

After each round of probes that a canary and the stable version have both answered, one look is
taken at all rounds so far. What it says goes into the journal of the policy folder and nowhere
else; every server of that folder follows the journal as it follows the policy files.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from proxy.errors import PolicyError
from proxy.evaluation.run import Judged
from proxy.metrics import Metrics
from proxy.operations.canary import Canary
from proxy.operations.probes import Probes
from proxy.operations.rollout_evidence import (
    Found,
    add_round,
    first_round,
    in_words,
    judge_figures,
    last_look,
)
from proxy.operations.rollout_plan import RolloutPlan
from proxy.operations.target import TargetKey
from proxy.policy.rollout import AUTO, Entry, Step, decisions
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.snapshot import Snapshot, steps_between
from proxy.policy.store import PolicyStore
from proxy.tasks import cancel, spawn
from proxy.wire.logfmt import logfmt

_log = logging.getLogger(__name__)

ANY_MODEL = "all"
"""The model label of a step that a person took: it is about all of them."""


class Rollout:
    """Watches the canaries of a server.

    It keeps no state of its own but the last round's answers: what was measured is in the journal,
    and goes on from there after a restart.

    Args:
        plan: pace, and what may be done.
        store: the policies and their journal.
        probes: what measures.
        metrics: where steps and bounds are counted and shown.
        canaries: those there are now, of models that are probed.
        clock: Unix seconds.
        sleep: waits for that many seconds.
    """

    def __init__(
        self,
        plan: RolloutPlan,
        store: PolicyStore,
        probes: Probes,
        metrics: Metrics,
        *,
        canaries: Callable[[], Sequence[Canary]],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._plan = plan
        self._store = store
        self._probes = probes
        self._metrics = metrics
        self._canaries = canaries
        self._clock = clock
        self._sleep = sleep
        self._answers: dict[TargetKey, tuple[int, Sequence[Judged]]] = {}
        self._asked: dict[Canary, Entry | None] = {}
        self._task: asyncio.Task[None] | None = None
        self.problem: str | None = None
        probes.subscribe(self._answered)
        store.subscribe(self._changed)

    @property
    def looks(self) -> Iterator[tuple[Canary, Entry | None]]:
        """Each canary and the last look at it; none where no round has ended yet."""
        entries = self._store.journal.read().entries
        return ((canary, last_look(entries, canary)) for canary in self._canaries())

    def start(self) -> None:
        """Begin to hurry: ask for rounds beyond the schedule while a canary is undecided."""
        self._task = spawn(self._hurry(), name="rollout")

    async def close(self) -> None:
        """Hurry no more; safe to call twice."""
        await cancel(self._task)

    async def _hurry(self) -> None:
        while True:
            await self._probes.idle.wait()
            await self._sleep(self._plan.interval_s)
            undecided = {canary: look for canary, look in self.looks if self._is_due(canary, look)}
            if undecided and self._probes.idle.is_set():
                self._asked |= undecided
                self._probes.next_round([key for canary in undecided for key in canary.keys])

    def _is_due(self, canary: Canary, look: Entry | None) -> bool:
        """Whether another round may help; one that led to no look is not asked for again."""
        is_open = _found(look) == "unclear" and (look.rounds if look else 0) < self._plan.max_rounds
        return is_open and (canary not in self._asked or self._asked[canary] != look)

    def _answered(self, key: TargetKey, number: int, judged: Sequence[Judged]) -> None:
        in_force = self._store.snapshot.refs | {str(PASSTHROUGH.ref)}
        self._answers[key] = number, judged
        self._answers = {k: item for k, item in self._answers.items() if str(k[1]) in in_force}
        canaries = self._canaries()
        for canary in canaries:
            if key in canary.keys:
                self._look(canary, [other for other in canaries if other.new == canary.new])

    def _look(self, canary: Canary, comparisons: Sequence[Canary]) -> None:
        """Take a look at a canary if both versions have answered a round that no look has counted.

        Args:
            canary: the canary on one model beside one stable version.
            comparisons: all of its kind: it is promoted only if it is as good in each.
        """
        new, old = (self._answers.get(key) for key in canary.keys)
        if not (new and old and new[1] and new[0] == old[0]):
            return
        entries = self._store.journal.read().entries
        if canary.new in decisions(entries):
            return  # a person has just said so, or another server: the snapshot follows in a moment
        if new[0] < first_round(entries, canary):
            return  # counted: the same prompts with the same seeds say nothing new
        judge = new[1][0].verdict.judge_id
        before = last_look(entries, canary)
        if before is not None and before.judge != judge:
            before = None
        figures = add_round(
            (before.figures or {}) if before else {}, new[1], old[1], among=len(comparisons)
        )
        others = [last_look(entries, other) for other in comparisons if other != canary]
        rounds = 1 + (before.rounds if before else 0)
        step, because = self._plan.conclude(
            judge_figures(figures),
            elsewhere="better" if all(_found(look) == "better" for look in others) else "unclear",
            rounds=rounds,
            policy=canary.new.name,
            is_shadow=canary.is_shadow,
        )
        entry = Entry(
            at=datetime.fromtimestamp(self._clock(), UTC),
            who=AUTO,
            step=step,
            policy=canary.new.name,
            sha=canary.new.sha,
            old=str(canary.old),
            model=canary.model,
            round=new[0],
            rounds=rounds,
            judge=judge,
            figures=figures,
            why=f"{because} {canary.model}, against {canary.old}, rounds: {rounds}; "
            f"{in_words(figures)}",
        )
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        """Write a step down; where that fails, what holds goes on holding."""
        try:
            self._store.journal.append(entry)
            self.problem = None
        except PolicyError as error:
            self.problem = str(error)
            _log.error("%s", logfmt("rollout_failed", policy=entry.ref, reason=error))
            self._count(entry.model or ANY_MODEL, entry.policy, "failed")
            return
        level = logging.INFO if entry.step == "hold" else logging.WARNING
        line = logfmt("rollout_step", step=entry.step, policy=entry.ref, why=entry.why)
        _log.log(level, "%s", line)
        self._count(entry.model or ANY_MODEL, entry.policy, entry.step)
        self._show(entry)

    def _show(self, entry: Entry) -> None:
        for kind, item in (entry.figures or {}).items():
            labels = (entry.model or ANY_MODEL, entry.policy, entry.sha, kind)
            self._metrics.rollout_lower.labels(*labels).set(item.lower)
            self._metrics.rollout_upper.labels(*labels).set(item.upper)
            self._metrics.rollout_n.labels(*labels).set(item.n)

    def _changed(self, old: Snapshot, new: Snapshot) -> None:
        """Count the steps that people took; those of our own are counted as they are taken."""
        for step, ref, entry in steps_between(old, new):
            if entry is None or entry.who != AUTO:
                who = None if entry is None else entry.who
                _log.warning("%s", logfmt("rollout_step", step=step, policy=ref, who=who))
                self._count(ANY_MODEL, ref.name, step)

    def _count(self, model: str, policy: str, step: Step | Literal["failed"]) -> None:
        self._metrics.rollout_steps.labels(model, policy, step).inc()


def _found(look: Entry | None) -> Found:
    return "unclear" if look is None or not look.figures else judge_figures(look.figures)
