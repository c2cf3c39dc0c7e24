"""One evaluation from start to end: plan, answer, judge, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TextIO

from proxy.backends.base import Backend
from proxy.domain import ChatRequest, Prompt
from proxy.evaluation.bench import Bench, gather
from proxy.evaluation.plan import Plan, plan
from proxy.evaluation.progress import Progress
from proxy.evaluation.report import Subject
from proxy.evaluation.run import Task, tasks_for
from proxy.evaluation.store import EvaluationStore
from proxy.judges.base import Judge
from proxy.policy.apply import apply
from proxy.policy.schema import Policy
from proxy.suites.ordering import sample

Sources = Sequence[tuple[str, Policy]]
"""Where each policy comes from, as the user typed it, and the policy."""


@dataclass(frozen=True, slots=True)
class Session:
    """One evaluation and everything it works with.

    Args:
        policies: the first is the baseline of comparisons.
        prompts: what is asked.
        backend: started.
        judges: started; the first decides.
        store: open for writing.
        model: identity of the model.
        seed: of the samplers.
        max_tokens: asked for.
        concurrency: answers in flight at once.
        may_generate: False to judge stored answers only.
        stream: gets plan and progress; usually stderr.
        clock: monotonic seconds.
    """

    policies: Sources
    prompts: tuple[Prompt, ...]
    backend: Backend
    judges: tuple[Judge, ...]
    store: EvaluationStore
    model: str
    seed: int
    max_tokens: int
    concurrency: int
    may_generate: bool
    stream: TextIO
    clock: Callable[[], float] = time.monotonic


def choose_prompts(
    prompts: Sequence[Prompt], *, split: str, per_kind: int | None, seed: int
) -> tuple[Prompt, ...]:
    """The prompts that are asked, categories in proportion.

    Args:
        prompts: of one or more suites, each with its split.
        split: one of the four, or ``all``.
        per_kind: at most so many harmful-leading ones, and as many benign ones; None for all.
        seed: another one asks others.
    """
    mine = [prompt for prompt in prompts if split in ("all", prompt.split)]
    return tuple(
        prompt
        for kind in ("harmful", "benign")
        for prompt in sample([p for p in mine if p.kind == kind], per_kind or len(mine), seed)
    )


async def run_session(session: Session) -> tuple[Subject, ...]:
    """Answer and judge what the store does not hold yet.

    Cancelling keeps every answer and verdict; called again, it goes on from there.

    Returns:
        A subject a policy, in their order.

    Raises:
        BackendError: the model is gone.
        StoreError: something could not be kept.
    """
    tasks = [_tasks(session, policy) for _, policy in session.policies]
    every = [task for some in tasks for task in some]
    planned = make_plan(session)
    if not session.may_generate:
        planned = Plan(planned.answers, planned.answers, 0, 0)
    progress = Progress(session.stream, planned, clock=session.clock)
    bench = _bench(session, progress)
    try:
        facts = iter(await gather(bench, every, may_generate=session.may_generate))
    finally:
        progress.close()
    return tuple(
        Subject(
            policy,
            source,
            tuple(fact for fact in (next(facts) for _ in some) if fact is not None),
            ignored_settings(session.backend, policy),
        )
        for (source, policy), some in zip(session.policies, tasks, strict=True)
    )


def make_plan(session: Session) -> Plan:
    """What the session will cost."""
    tasks = [task for _, policy in session.policies for task in _tasks(session, policy)]
    bench = _bench(session, None)
    distinct = tuple({bench.key(task): task for task in tasks}.values())
    return plan(distinct, bench.missing(distinct))


def ignored_settings(backend: Backend, policy: Policy) -> tuple[str, ...]:
    """Settings of the policy that this backend cannot honour."""
    message = {"role": "user", "content": "-"}
    request = ChatRequest(model=backend.model, messages=(message,))
    return apply(policy, request, backend.capabilities).ignored


def _tasks(session: Session, policy: Policy) -> tuple[Task, ...]:
    return tasks_for(policy, session.prompts, run_seed=session.seed, max_tokens=session.max_tokens)


def _bench(session: Session, progress: Progress | None) -> Bench:
    bench = Bench(
        backend=session.backend,
        judges=session.judges,
        store=session.store,
        model=session.model,
        concurrency=session.concurrency,
    )
    return bench if progress is None else replace(bench, notify=progress.notify)
