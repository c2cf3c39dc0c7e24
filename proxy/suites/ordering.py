"""Orders that depend on content and a seed alone: never on rows, the clock or `random`'s state."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from proxy.domain import Kind, Prompt

Stratum = tuple[Kind, bool, str]


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
    placed: list[tuple[float, str, str, Prompt]] = []
    for key, members in strata.items():
        members.sort(key=lambda prompt: content_hash(seed, prompt.id))
        for i, prompt in enumerate(members):
            # Spread each stratum evenly over [0, 1]; where strata tie, each round deals anew.
            position = (i + 0.5) / len(members)
            placed.append((position, content_hash(seed, i, *key), prompt.id, prompt))
    placed.sort(key=lambda item: item[:3])
    return tuple(prompt for *_, prompt in placed)


def sample(prompts: Sequence[Prompt], n: int, seed: int = 0) -> tuple[Prompt, ...]:
    """The first ``n`` of the stratified order; all of them where there are fewer.

    Raises:
        ValueError: ``n`` is negative.
    """
    if n < 0:
        raise ValueError(f"A sample of {n} prompts was asked for; n is at least 0.")
    return stratified_order(prompts, seed)[:n]
