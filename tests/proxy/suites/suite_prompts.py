"""Prompts for tests of splitting and sampling: gibberish, so that none resembles another."""

from __future__ import annotations

from proxy.domain import Prompt
from proxy.suites.ordering import content_hash
from proxy.suites.suite import prompt_id


def make_prompts(n: int, *, category: str = "other", is_lookalike: bool = False) -> list[Prompt]:
    """Benign prompts of one stratum, no two of them near-duplicates."""
    texts = [content_hash(category, i)[:32] for i in range(n)]
    return [
        Prompt(prompt_id(text), text, "benign", category, "made", is_lookalike=is_lookalike)
        for text in texts
    ]
