"""A model that writes texts, asked as any other model is, in bounded time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from proxy.backends.base import Backend
from proxy.domain import Prompt
from proxy.evaluation.run import Answer, generate
from proxy.policy.schema import Policy
from tuner.writing.request import INSTRUCTIONS

MAX_TOKENS: Final = 1024
"""Of one answer, its thinking included; the text itself takes about a tenth."""

TIMEOUT_S: Final = 60.0

_POLICY: Final = Policy.model_validate(
    {"schema": 1, "name": "writer", "system_prompt": {"text": INSTRUCTIONS, "placement": "replace"}}
)
"""Without decoding settings: some providers refuse them, and a writer's own suit it best."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes.

    Args:
        backend: started.
        sha256: identity of the model.
        timeout_s: for one answer.
    """

    backend: Backend
    sha256: str
    timeout_s: float = TIMEOUT_S

    @property
    def name(self) -> str:
        """The model's served name."""
        return self.backend.model

    @property
    def id(self) -> str:
        """Name and identity, as journals and policy files have it."""
        return f"{self.name}@{self.sha256[:12]}"

    async def write(self, request: str, *, seed: int) -> Answer:
        """What the model says; ``error`` is set where it failed or took too long.

        Args:
            request: one of :mod:`tuner.writing.request`.
            seed: of the sampler, where the model takes one.
        """
        prompt = Prompt("writer", request, "benign", "other", "writer")
        try:
            async with asyncio.timeout(self.timeout_s):
                return await generate(
                    self.backend, _POLICY, prompt, seed=seed, max_tokens=MAX_TOKENS
                )
        except TimeoutError:
            return Answer("", error="timeout")
