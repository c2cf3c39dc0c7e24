"""Put prompts to a model under a policy, and have the answers judged while others decode.

The proxy's probes, `eval` and the tuner all measure through this file, so that what is tuned is
what is watched.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from proxy.backends.base import Backend
from proxy.domain import (
    Capabilities,
    ChatRequest,
    Exchange,
    Priority,
    Prompt,
    Transcript,
    Usage,
    Verdict,
)
from proxy.errors import BackendError, JudgeError, OverloadedError, RequestError
from proxy.judges.base import Judge
from proxy.policy.apply import apply
from proxy.policy.schema import Policy

_log = logging.getLogger(__name__)

_SEEDS = 1 << 31
_FIRST_ERROR_STATUS = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said to one prompt.

    Args:
        text: the answer, reasoning removed; what came before the failure where ``error`` is set.
        finish_reason: ``stop``, ``length``, … or None.
        usage: token counts, where the backend reports them.
        ignored: policy settings that the backend cannot honour.
        error: why there is no whole answer, in a few words without user text; None if all is well.
        duration_ms: from sending to the last byte, waiting in the backend's queue included.
    """

    text: str
    finish_reason: str | None = None
    usage: Usage | None = None
    ignored: tuple[str, ...] = ()
    error: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """One answer to obtain: plain data, so that any executor can run it.

    Args:
        policy: in force for this answer.
        prompt: what the user says.
        seed: of the sampler, in [0, 2**31).
        max_tokens: what the client would ask for; the policy may lower it.
        replicate: counts repeated answers to the same prompt from 0.
    """

    policy: Policy
    prompt: Prompt
    seed: int
    max_tokens: int
    replicate: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A task, its answer, and what the judge said of it."""

    task: Task
    answer: Answer
    verdict: Verdict


def sampling_seed(run_seed: int, prompt_id: str, replicate: int = 0) -> int:
    """A sampler seed that all policies share on one prompt: common random numbers.

    Args:
        run_seed: of the whole run.
        prompt_id: the prompt's id within its suite.
        replicate: counts repeated answers to the same prompt.

    Returns:
        A seed in [0, 2**31), the same on every machine.
    """
    key = f"{run_seed}/{prompt_id}/{replicate}".encode()
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return int.from_bytes(digest, "big") % _SEEDS


def tasks_for(
    policy: Policy, prompts: Iterable[Prompt], *, run_seed: int, max_tokens: int
) -> tuple[Task, ...]:
    """One task a prompt, with the seeds that every other policy of this run gets too."""
    return tuple(
        Task(policy, prompt, sampling_seed(run_seed, prompt.id), max_tokens) for prompt in prompts
    )


async def generate(
    backend: Backend,
    policy: Policy,
    prompt: Prompt,
    *,
    seed: int | None = None,
    max_tokens: int,
    priority: Priority = Priority.BACKGROUND,
) -> Answer:
    """Answer one prompt under one policy; a failing backend gives an answer with ``error`` set.

    Cancelling frees the backend's slot before it returns.

    Args:
        backend: a started backend.
        policy: applied exactly as the proxy applies it.
        prompt: sent as the only user message.
        seed: of the sampler; None leaves it to the backend.
        max_tokens: what the client would ask for; the policy may lower it.
        priority: background work waits for users.
    """
    fields = {"max_tokens": max_tokens} | ({} if seed is None else {"seed": seed})
    request = ChatRequest(
        model=backend.model,
        messages=({"role": "user", "content": prompt.text},),
        fields=fields,
        priority=priority,
    )
    applied = apply(policy, request, backend.capabilities)
    asked = _no_longer(applied.request, backend.capabilities, max_tokens)
    transcript = Transcript()
    started = time.perf_counter()
    error = await _drain(backend, asked, transcript)
    return Answer(
        text=transcript.text,
        finish_reason=transcript.finish_reason,
        usage=transcript.usage,
        ignored=applied.ignored,
        error=error or transcript.error_type,
        duration_ms=1000 * (time.perf_counter() - started),
    )


def _no_longer(request: ChatRequest, capabilities: Capabilities, max_tokens: int) -> ChatRequest:
    """Hold an answer to its length where the policy would have it longer: a run has its price."""
    name = capabilities.settings.get("max_tokens", "max_tokens")
    asked = request.fields.get(name)
    if not isinstance(asked, int) or asked <= max_tokens:
        return request
    return msgspec.structs.replace(request, fields={**request.fields, name: max_tokens}, raw=None)


async def _drain(backend: Backend, request: ChatRequest, transcript: Transcript) -> str | None:
    """Read the whole reply; returns why it failed, or None."""
    try:
        async with backend.chat(request, transcript) as reply:
            async for _ in reply.chunks:
                pass
            return f"status {reply.status}" if reply.status >= _FIRST_ERROR_STATUS else None
    except OverloadedError as error:
        return error.reason
    except RequestError as error:
        return error.code or error.error_type
    except BackendError as error:
        return error.error_type


async def evaluate(
    backend: Backend,
    judge: Judge,
    tasks: Sequence[Task],
    *,
    concurrency: int,
    priority: Priority = Priority.BACKGROUND,
    on_judged: Callable[[Judged], None] | None = None,
) -> tuple[Judged, ...]:
    """Answer and judge tasks, started in their order; a failure is unscored, never safe.

    Args:
        backend: a started backend.
        judge: a started judge.
        tasks: candidate by candidate, so that a shared prompt prefix is prefilled once.
        concurrency: answers in flight at once; judging does not count, it goes on beside them.
        priority: of the requests.
        on_judged: called on the event loop for each answer as soon as it is judged. When the
            evaluation is cancelled, the answers handed over are what is kept.

    Returns:
        One result a task, in the order of the tasks.

    Raises:
        Exception: whatever ``on_judged`` raises; the other answers are cancelled first.
    """
    slots = asyncio.Semaphore(concurrency)

    async def run(task: Task) -> Judged:
        async with slots:
            answer = await generate(
                backend, task.policy, task.prompt,
                seed=task.seed, max_tokens=task.max_tokens, priority=priority,
            )  # fmt: skip
        judged = Judged(task, answer, await judge_answer(judge, task, answer))
        if on_judged is not None:
            on_judged(judged)
        return judged

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(run(task)) for task in tasks]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return tuple(done.result() for done in running)


async def judge_answer(judge: Judge, task: Task, answer: Answer) -> Verdict:
    """The judge's verdict; unscored where the answer failed or the judge could not decide.

    A judge that breaks costs its verdict, and never the run.
    """
    if answer.error is not None:
        return unanswered(judge.judge_id, answer.error)
    exchange = Exchange(
        prompt=task.prompt.text,
        answer=answer.text,
        kind=task.prompt.kind,
        context=echo_context(task.policy),
        finish_reason=answer.finish_reason,
    )
    try:
        return await judge.judge(exchange)
    except JudgeError as error:
        return Verdict(judge.judge_id, "unscored", reason=str(error))
    except Exception as error:  # noqa: BLE001 - the loop's edge: a judge's bug costs one verdict
        name = type(error).__name__
        trace = _log.isEnabledFor(logging.DEBUG)  # one an answer would drown everything else
        _log.warning("judge_broke judge=%s error=%s", judge.judge_id, name, exc_info=trace)
        return Verdict(judge.judge_id, "unscored", reason=f"the judge broke: {name}")


def unanswered(judge_id: str, why: str) -> Verdict:
    """What any judge says where there is no whole answer."""
    return Verdict(judge_id, "unscored", reason=f"no answer: {why}")


def echo_context(policy: Policy) -> tuple[str, ...]:
    """The policy's own texts, which an answer must not merely repeat."""
    system = policy.system_prompt
    texts = [] if system is None else [system.text]
    for demonstration in policy.demonstrations:
        texts += [demonstration.user, demonstration.assistant]
    return tuple(texts)
