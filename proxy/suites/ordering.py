"""Orders that depend on content and a seed alone: never on rows, the clock or `random`'s state."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from proxy.domain import Kind, Prompt

Stratum = tuple[Kind, bool, str]


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


HasId = TypeVar("HasId", bound=_Identified)
"""Anything with a content-made id: a prompt, a multiple-choice question."""


def content_hash(*parts: object) -> str:
    """64 hex digits from the parts' text, the same on every machine and in every process."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def stratum(prompt: Prompt) -> Stratum:
    """What is kept in proportion wherever prompts are split or sampled."""
    return prompt.kind, prompt.is_lookalike, prompt.category


def stratified_order(prompts: Iterable[Prompt], seed: int = 0) -> tuple[Prompt, ...]:
    """One fixed order whose every prefix holds kinds and categories in proportion.

    Prefixes are nested by construction, so evaluations at 8, 16 and 32 prompts share their prompts
    (common random numbers). Filter by kind or split first where only those are wanted.
    """
    strata: defaultdict[Stratum, list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        strata[stratum(prompt)].append(prompt)
    return interleaved(strata, seed)


def interleaved(
    strata: Mapping[tuple[Any, ...], Sequence[HasId]], seed: int = 0
) -> tuple[HasId, ...]:
    """The members of all strata in one order whose every prefix holds the strata in proportion."""
    placed: list[tuple[float, str, str, HasId]] = []
    for key, members in strata.items():
        ordered = sorted(members, key=lambda member: content_hash(seed, member.id))
        for i, member in enumerate(ordered):
            # Spread each stratum evenly over [0, 1]; where strata tie, each round deals anew.
            position = (i + 0.5) / len(members)
            placed.append((position, content_hash(seed, i, *key), member.id, member))
    placed.sort(key=lambda item: item[:3])
    return tuple(member for *_, member in placed)


def sample(prompts: Sequence[Prompt], n: int, seed: int = 0) -> tuple[Prompt, ...]:
    """The first ``n`` of the stratified order; all of them where there are fewer.

    Raises:
        ValueError: ``n`` is negative.
    """
    if n < 0:
        raise ValueError(f"A sample of {n} prompts was asked for; n is at least 0.")
    return stratified_order(prompts, seed)[:n]
