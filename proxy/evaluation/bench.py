"""Judged answers for policies on prompts: from the store where they are known, else from the model.

An answer is in the store before anyone judges it, and a verdict before it counts. So whatever ends
a run (Ctrl-C, a kill, a dead judge, a full disk), the next one goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from proxy.backends.base import Backend
from proxy.domain import Verdict
from proxy.evaluation.outage import OutageWatch
from proxy.evaluation.run import Answer, Task, generate, judge_answer
from proxy.evaluation.store import AnswerKey, EvaluationStore
from proxy.judges.base import Judge

Event = Literal["answered", "failed", "judged", "unscored"]
"""What the progress line is told: of the model's answers, then of the first judge's verdicts."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One answer and what each judge said of it, in the order of the bench's judges."""

    task: Task
    answer: Answer
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """What answers and judges, and how.

    Args:
        backend: started.
        judges: started; the first one's verdicts are the result, the others stand beside them.
        store: open for writing.
        model: identity of the model in the store.
        concurrency: answers in flight at once.
        notify: called for each answer that came or failed, and for each first verdict.
        clock: Unix seconds.
    """

    backend: Backend
    judges: tuple[Judge, ...]
    store: EvaluationStore
    model: str
    concurrency: int
    notify: Callable[[Event, Answer], None] = lambda _event, _answer: None
    clock: Callable[[], float] = time.time

    def key(self, task: Task) -> AnswerKey:
        """What the task's answer is stored under; tasks with one key are one answer."""
        return AnswerKey.of(self.model, task)

    @property
    def outage(self) -> OutageWatch:
        """A new one."""
        return OutageWatch(self.backend.model, "run the same command again")

    def missing(self, tasks: Sequence[Task]) -> tuple[Task, ...]:
        """Those whose answer is not in the store, each answer once."""
        judge_id = self.judges[0].judge_id
        by_key = {self.key(task): task for task in tasks}
        return tuple(t for key, t in by_key.items() if self.store.find(key, judge_id) is None)


async def gather(bench: Bench, tasks: Sequence[Task], *, may_generate: bool) -> list[Fact | None]:
    """One fact a task, in their order; None where there is no answer and none may be generated.

    A judge that left an answer unscored is asked about it again. Cancelling keeps what has been
    answered, and what has been judged.

    Raises:
        BackendError: answer after answer failed, or all of them.
        StoreError: something could not be kept.
    """
    run = _Run(bench, may_generate=may_generate)
    by_key = {bench.key(task): task for task in tasks}
    try:
        async with asyncio.TaskGroup() as group:
            running = {key: group.create_task(run.fact(key, by_key[key])) for key in by_key}
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    facts = [running[bench.key(task)].result() for task in tasks]
    _refuse_silence(bench, [fact for fact in facts if fact is not None])
    return [
        None if fact is None else Fact(task, fact.answer, fact.verdicts)
        for task, fact in zip(tasks, facts, strict=True)
    ]


def _refuse_silence(bench: Bench, facts: Sequence[Fact]) -> None:
    """A model that answered nothing was not measured, however few prompts it was asked."""
    if facts and all(fact.answer.error for fact in facts):
        raise bench.outage.gone(f"All {len(facts)} answers failed ({facts[0].answer.error}).")


class _Run:
    """One call of `gather`: its slots and its count of failures."""

    def __init__(self, bench: Bench, *, may_generate: bool) -> None:
        self._bench = bench
        self._may_generate = may_generate
        self._slots = asyncio.Semaphore(bench.concurrency)
        self._outage = bench.outage

    async def fact(self, key: AnswerKey, task: Task) -> Fact | None:
        """Recall or generate the answer, then see that every judge has judged it."""
        found = self._bench.store.find(key, self._bench.judges[0].judge_id)
        if found is not None:
            answer = found[0]
        elif self._may_generate:
            answer = await self._generate(key, task)
        else:
            return None
        verdicts = await asyncio.gather(
            *(self._verdict(key, task, answer, judge) for judge in self._bench.judges)
        )
        return Fact(task, answer, tuple(verdicts))

    async def _generate(self, key: AnswerKey, task: Task) -> Answer:
        bench = self._bench
        async with self._slots:
            answer = await generate(
                bench.backend, task.policy, task.prompt, seed=task.seed, max_tokens=task.max_tokens
            )
        if answer.error is None:
            bench.store.add_answer(key, answer, None, answered_at=bench.clock())
        self._note(answer)
        return answer

    def _note(self, answer: Answer) -> None:
        """Tell of an answer; raise once so many have failed that the next will too."""
        self._bench.notify("failed" if answer.error else "answered", answer)
        self._outage.note(answer)

    async def _verdict(self, key: AnswerKey, task: Task, answer: Answer, judge: Judge) -> Verdict:
        """The stored verdict, or a new one where there is none or the judge could not decide."""
        known = self._known(key, answer, judge)
        if known is not None and known.status == "scored":
            return known
        verdict = await judge_answer(judge, task, answer)
        if verdict != known:
            self._keep(key, answer, verdict)
        if judge is self._bench.judges[0]:
            is_scored = verdict.status == "scored"
            self._bench.notify("judged" if is_scored else "unscored", answer)
        return verdict

    def _known(self, key: AnswerKey, answer: Answer, judge: Judge) -> Verdict | None:
        if answer.error is not None:
            return None
        found = self._bench.store.find(key, judge.judge_id)
        return None if found is None else found[1]

    def _keep(self, key: AnswerKey, answer: Answer, verdict: Verdict) -> None:
        if answer.error is None:
            self._bench.store.add_verdict(key, verdict)
        elif verdict.judge_id == self._bench.judges[0].judge_id:
            now = self._bench.clock()
            self._bench.store.add_answer(key, answer, verdict, answered_at=now)
