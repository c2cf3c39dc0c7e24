"""One policy evaluated on the built-in suite's prompts, our way and the naive way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from benchmarks.engine.jobs import SAMPLING, Job, Outcome, Stream
from benchmarks.engine.prompts import system_prompt
from proxy.backends.base import Backend
from proxy.domain import Prompt
from proxy.evaluation.run import Answer, Task, evaluate, judge_answer, tasks_for
from proxy.judges.embedded import EmbeddedJudge
from proxy.policy.schema import Policy
from proxy.suites.builtin import load_builtin

N_PROMPTS = 32
MAX_TOKENS = 64


def tasks(number: int) -> tuple[Task, ...]:
    """One policy, never seen before, on as many harmful-leading as benign prompts."""
    policy = Policy.model_validate(
        {
            "schema": 1,
            "name": f"benchmark-{number}",
            "system_prompt": {"text": system_prompt(number)},
            "decoding": dict(SAMPLING),
        }
    )
    return tasks_for(policy, _prompts(), run_seed=number, max_tokens=MAX_TOKENS)


def _prompts() -> list[Prompt]:
    by_kind: dict[str, list[Prompt]] = {}
    for prompt in load_builtin().select(split="search"):
        by_kind.setdefault(prompt.kind, []).append(prompt)
    chosen = [prompt for prompts in by_kind.values() for prompt in prompts[: N_PROMPTS // 2]]
    return chosen[:N_PROMPTS]


async def ours(backend: Backend, job: Job, *, concurrency: int) -> Outcome:
    """Through the evaluation that the tuner uses: answers in one batch, judged beside it."""
    judge = EmbeddedJudge()
    await judge.start()
    wanted = tasks(job.number)
    started = perf_counter()
    judged = await evaluate(backend, judge, wanted, concurrency=concurrency)
    wall_s = perf_counter() - started
    usages = [one.answer.usage for one in judged]
    return _outcome(wall_s, [usage.completion_tokens for usage in usages if usage])


def naive(llama: Any, job: Job) -> Outcome:
    """A loop over ``create_chat_completion``, each answer judged before the next is asked for."""
    judge = EmbeddedJudge()
    with asyncio.Runner() as runner:
        runner.run(judge.start())
        wanted, counts = tasks(job.number), list[int]()
        started = perf_counter()
        for task in wanted:
            reply = llama.create_chat_completion(_messages(task), **_fields(task))
            answer = Answer(reply["choices"][0]["message"]["content"])
            runner.run(judge_answer(judge, task, answer))
            counts.append(reply["usage"]["completion_tokens"])
        return _outcome(perf_counter() - started, counts)


def _messages(task: Task) -> list[dict[str, str]]:
    system = task.policy.system_prompt
    text = "" if system is None or system.text is None else system.text
    return [{"role": "system", "content": text}, {"role": "user", "content": task.prompt.text}]


def _fields(task: Task) -> dict[str, Any]:
    return {**SAMPLING, "seed": task.seed, "max_tokens": task.max_tokens}


def _outcome(wall_s: float, counts: Sequence[int]) -> Outcome:
    streams = [Stream(0.0, (), n_tokens) for n_tokens in counts]
    return Outcome(wall_s, streams, extra={"prompts_per_s": len(counts) / wall_s})
