"""Canaries: measured beside the stable version round by round, promoted or rolled back by that.

After each round of probes that a canary and the stable version have both answered, one look is
taken at all rounds so far. What it says goes into the journal of the policy folder and nowhere
else; every server of that folder follows the journal as it follows the policy files.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal

from proxy.domain import PolicyRef
from proxy.errors import PolicyError
from proxy.evaluation.run import Judged
from proxy.metrics import Metrics
from proxy.operations.canary import Canary
from proxy.operations.probes import Probes
from proxy.operations.rollout_evidence import found_by, last_look
from proxy.operations.rollout_journal import RolloutJournal
from proxy.operations.rollout_look import Round, conclude, is_overtaken
from proxy.operations.rollout_plan import RolloutPlan
from proxy.operations.target import TargetKey
from proxy.policy.rollout import AUTO, Entry, Step
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
    and goes on from there after a restart. The event loop never waits for the journal's disk.

    Args:
        plan: pace, and what may be done.
        store: the policies and their journal.
        probes: what measures.
        metrics: where steps and bounds are counted and shown.
        canaries: those there are now, on every served model, whether it can answer now or not.
        journal: instead of the store's own, with the usual patience.
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
        journal: RolloutJournal | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._plan = plan
        self._store = store
        self._probes = probes
        self._metrics = metrics
        self._canaries = canaries
        self._journal = journal or RolloutJournal(store.journal)
        self._clock = clock
        self._sleep = sleep
        self._answers: dict[TargetKey, tuple[int, Sequence[Judged]]] = {}
        self._asked: dict[Canary, tuple[Entry | None, int]] = {}
        self._task: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._unsure: Entry | None = None
        self._problem_of: PolicyRef | None = None
        self.problem: str | None = None
        probes.subscribe(self._answered)
        store.subscribe(self._changed)

    @property
    def looks(self) -> Iterator[tuple[Canary, Entry | None]]:
        """Each canary and the last look at it; none where no round has ended yet.

        It is the last one by the judge of this server, once that has judged a round.
        """
        entries = self._journal.known
        return (
            (canary, last_look(entries, canary, self._judge_of(canary)))
            for canary in self._canaries()
        )

    def start(self) -> None:
        """Begin to hurry: ask for rounds beyond the schedule while a canary is undecided."""
        self._task = spawn(self._hurry(), name="rollout")

    async def settled(self) -> None:
        """Wait until every round that has ended has been looked at."""
        while self._looking is not None and not self._looking.done():
            await asyncio.wait([self._looking])

    async def close(self) -> None:
        """Hurry no more, and write down what was found; safe to call twice."""
        await cancel(self._task)
        await self.settled()

    async def _hurry(self) -> None:
        while True:
            await self._probes.idle.wait()
            await self._sleep(self._plan.interval_s)
            await self.settled()
            if not self._probes.idle.is_set():
                continue
            looks = dict(self.looks)
            due = [canary for canary, look in looks.items() if self._is_due(canary, look)]
            self._asked = {
                canary: (look, self._n_asked(canary, look) + (canary in due))
                for canary, look in looks.items()
            }
            if due:
                self._probes.next_round([key for canary in due for key in canary.keys])

    def _is_due(self, canary: Canary, look: Entry | None) -> bool:
        """Whether another round may help, and is not one too many."""
        rounds = (look.rounds if look else 0) + self._n_asked(canary, look)
        return canary.is_probed and found_by(look) == "unclear" and rounds < self._plan.max_rounds

    def _n_asked(self, canary: Canary, look: Entry | None) -> int:
        """How many rounds were asked for since a look, in vain so far: nobody answered."""
        before, number = self._asked.get(canary, (look, 0))
        return number if before == look else 0

    def _judge_of(self, canary: Canary) -> str | None:
        _, judged = self._answers.get(canary.keys[0], (0, ()))
        return judged[0].verdict.judge_id if judged else None

    def _answered(self, key: TargetKey, number: int, judged: Sequence[Judged]) -> None:
        in_force = self._store.snapshot.refs | {str(PASSTHROUGH.ref)}
        self._answers[key] = number, judged
        self._answers = {k: item for k, item in self._answers.items() if str(k[1]) in in_force}
        rounds = list(self._rounds(key))
        if rounds:
            self._looking = spawn(self._look_at(rounds, after=self._looking), name="rollout-look")

    def _rounds(self, key: TargetKey) -> Iterator[Round]:
        """The rounds that a version's answers complete, one for each comparison that it is in."""
        canaries = self._canaries()
        for canary in canaries:
            new, old = (self._answers.get(side) for side in canary.keys)
            if key in canary.keys and new and old and new[1] and new[0] == old[0]:
                among = [other for other in canaries if other.new == canary.new]
                yield Round(canary, among, new[0], new[1], old[1])

    async def _look_at(self, rounds: Iterable[Round], *, after: asyncio.Task[None] | None) -> None:
        """Take looks in the order in which rounds end; what holds goes on holding where it fails.

        Args:
            rounds: ended.
            after: the looks before these.
        """
        if after is not None:
            await asyncio.wait([after])
        for at in rounds:
            await self._look(at)

    async def _look(self, at: Round) -> None:
        entry = None
        try:
            read = await self._journal.read()
            entry = conclude(at, read, plan=self._plan, now=self._clock())
            unless = partial(is_overtaken, at, read)
            if entry is not None and await self._journal.append(entry, unless=unless):
                self._taken(entry)
        except PolicyError as error:
            if entry is not None and entry in self._journal.known:
                self._taken(entry)  # a reader has seen it before a slow disk has confirmed it
                return
            self._unsure = entry or self._unsure
            self._not_taken(at.canary, error)

    def _taken(self, entry: Entry) -> None:
        self.problem = self._problem_of = self._unsure = None
        level = logging.INFO if entry.step == "hold" else logging.WARNING
        line = logfmt("rollout_step", step=entry.step, policy=entry.ref, why=entry.why)
        _log.log(level, "%s", line)
        self._count(entry.model or ANY_MODEL, entry.policy, entry.step)
        self._show(entry)

    def _not_taken(self, canary: Canary, error: PolicyError) -> None:
        self.problem, self._problem_of = str(error), canary.new
        _log.error("%s", logfmt("rollout_failed", policy=canary.new, reason=error))
        self._count(canary.model, canary.new.name, "failed")

    def _show(self, entry: Entry) -> None:
        for kind, item in (entry.figures or {}).items():
            labels = (entry.model or ANY_MODEL, entry.policy, entry.sha, kind)
            self._metrics.rollout_lower.labels(*labels).set(item.lower)
            self._metrics.rollout_upper.labels(*labels).set(item.upper)
            self._metrics.rollout_n.labels(*labels).set(item.n)

    def _changed(self, old: Snapshot, new: Snapshot) -> None:
        """Count the steps that people took; those of our own are counted as they are taken.

        One of our own that was given up, and that a slow disk has taken all the same, is taken now.
        Whoever decided about a version, that nothing could be decided about it is over.
        """
        for step, ref, entry in steps_between(old, new):
            if ref == self._problem_of:
                self.problem = self._problem_of = None
            if entry is not None and entry == self._unsure:
                self._taken(entry)
            elif entry is None or entry.who != AUTO:
                who = None if entry is None else entry.who
                _log.warning("%s", logfmt("rollout_step", step=step, policy=ref, who=who))
                self._count(ANY_MODEL, ref.name, step)

    def _count(self, model: str, policy: str, step: Step | Literal["failed"]) -> None:
        self._metrics.rollout_steps.labels(model, policy, step).inc()
