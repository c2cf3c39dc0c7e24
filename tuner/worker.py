"""A worker on another machine: a model and a judge that answer tasks given as plain data.

Nothing here knows of Ray, so that it is tested without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from proxy.backends import registry as backends
from proxy.backends.base import Backend
from proxy.backends.config import ModelConfig
from proxy.backends.identity import model_sha256
from proxy.domain import Prompt, Usage, Verdict
from proxy.evaluation.model_choice import wide
from proxy.evaluation.run import Answer, Task, generate, judge_answer
from proxy.judges.base import Judge
from proxy.judges.configured import load_judge
from proxy.policy.schema import Policy

_ANSWERED = ("text", "finish_reason", "ignored", "error", "duration_ms")

Plain = dict[str, Any]
"""Strings, numbers, lists and dictionaries only."""


class Worker:
    """One model and one judge, for as long as their process lives.

    Args:
        model: its configuration, as in ``models:``.
        judge: a name, or the path of a file with one.
    """

    _backend: Backend
    _judge: Judge

    def __init__(self, model: Mapping[str, Any], judge: str) -> None:
        self._model = dict(model)
        self._judge_spec = judge

    async def start(self) -> tuple[str, str]:
        """Load both, here rather than at once, so that a failure can be told from a death.

        Returns:
            The model's identity and the judge's id.
        """
        config = wide(TypeAdapter[ModelConfig](ModelConfig).validate_python(self._model))
        self._backend, self._judge = backends.create(config), load_judge(self._judge_spec)
        await self._backend.start()
        await self._judge.start()
        return model_sha256(config, self._backend), self._judge.judge_id

    async def answer(self, plain: Plain) -> Plain:
        """Answer one task; several calls may run at once."""
        task = _task(plain)
        return plain_answer(
            await generate(
                self._backend, task.policy, task.prompt, seed=task.seed, max_tokens=task.max_tokens
            )
        )

    async def judge(self, plain: Plain, answer: Plain) -> Plain:
        """Judge an answer to a task: a call of its own, so that who asks knows of the answer."""
        return asdict(await judge_answer(self._judge, _task(plain), answer_of(answer)))


def as_plain(task: Task) -> Plain:
    """A task as it crosses to a worker."""
    return {
        "policy": task.policy.content(),
        "prompt": asdict(task.prompt),
        "seed": task.seed,
        "max_tokens": task.max_tokens,
        "replicate": task.replicate,
    }


def plain_answer(answer: Answer) -> Plain:
    """An answer as it crosses, either way."""
    usage = answer.usage
    return {
        **{part: getattr(answer, part) for part in _ANSWERED},
        "usage": None if usage is None else [usage.prompt_tokens, usage.completion_tokens],
    }


def answer_of(plain: Plain) -> Answer:
    """An answer that has crossed."""
    usage = plain["usage"]
    parts = plain | {
        "ignored": tuple(plain["ignored"]),
        "usage": None if usage is None else Usage(*usage),
    }
    return Answer(**parts)


def verdict_of(plain: Plain) -> Verdict:
    """A verdict that has crossed."""
    return Verdict(**plain | {"degenerate": tuple(plain["degenerate"])})


def _task(plain: Plain) -> Task:
    return Task(
        Policy.model_validate(plain["policy"]),
        Prompt(**plain["prompt"]),
        seed=plain["seed"],
        max_tokens=plain["max_tokens"],
        replicate=plain["replicate"],
    )
