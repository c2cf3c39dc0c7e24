"""What a run will cost: before it starts what is certain, and once it runs what can be expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.evaluation.run import Task
from proxy.evaluation.statistics import Z95

_CHARS_PER_TOKEN = 4.0
"""Of English text, about; only for the forecast of prompt tokens."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What remains to be done.

    Args:
        answers: in all.
        stored: of those, in the store already.
        max_answer_tokens: of the answers to generate, at most.
        prompt_tokens: of the requests to send, about, policies' texts included.
    """

    answers: int
    stored: int
    max_answer_tokens: int
    prompt_tokens: int

    @property
    def to_generate(self) -> int:
        """Answers that cost tokens."""
        return self.answers - self.stored

    def __str__(self) -> str:
        if not self.to_generate:
            return f"Plan: all {self.answers} answers are stored; nothing is generated."
        return (
            f"Plan: {self.to_generate} of {self.answers} answers to generate, with at least "
            f"{self.to_generate:,} and at most {self.max_answer_tokens:,} tokens, for about "
            f"{self.prompt_tokens:,} tokens of prompts. Minutes follow once the speed is known."
        )


def plan(tasks: Sequence[Task], missing: Sequence[Task]) -> Plan:
    """Plan a run.

    Args:
        tasks: all answers.
        missing: those that are not in the store.
    """
    return Plan(
        answers=len(tasks),
        stored=len(tasks) - len(missing),
        max_answer_tokens=sum(task.max_tokens for task in missing),
        prompt_tokens=round(sum(map(_chars, missing)) / _CHARS_PER_TOKEN),
    )


@dataclass(slots=True)
class Pace:
    """The lengths of the answers so far, and what they say of those to come."""

    answers: int = 0
    tokens: int = 0
    squares: int = 0

    def add(self, tokens: int) -> None:
        """An answer of so many tokens came."""
        self.answers += 1
        self.tokens += tokens
        self.squares += tokens * tokens

    def expected_tokens(self, more: int) -> tuple[float, float]:
        """A 95 % range of the tokens of ``more`` further answers; needs two answers so far."""
        mean = self.tokens / self.answers
        variance = max(0.0, self.squares / self.answers - mean * mean)
        spread = math.sqrt(variance * (more + more * more / self.answers))
        return max(0.0, more * mean - Z95 * spread), more * mean + Z95 * spread


def _chars(task: Task) -> int:
    """Characters of one request."""
    policy = task.policy
    system = 0 if policy.system_prompt is None else len(policy.system_prompt.text)
    turns = sum(len(turn.user) + len(turn.assistant) for turn in policy.demonstrations)
    return system + turns + len(task.prompt.text)
