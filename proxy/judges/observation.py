"""What can be seen of an answer without asking a model: refusal and degeneration."""

from __future__ import annotations

from typing import Final

from proxy.domain import Exchange, Verdict
from proxy.judges import degenerate, refusal

VERSION: Final = 3
"""Of the refusal detector and the flags together. Raise it with every change of theirs that changes
a verdict, and the embedded judges' versions with it; the ids of guard judges contain it."""


def observe(exchange: Exchange, judge_id: str) -> Verdict:
    """An unscored verdict with refusal and flags filled in; some milliseconds of CPU.

    Args:
        exchange: what is judged.
        judge_id: of the judge that goes on from here.
    """
    refused = refusal.detect(exchange.answer, exchange.prompt)
    return Verdict(
        judge_id=judge_id,
        status="unscored",
        refusal=refused.score,
        is_refusal=refused.level == "full",
        is_partial_refusal=refused.level == "partial",
        degenerate=degenerate.flags(exchange),
    )
