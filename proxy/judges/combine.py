"""Several judges as one: all of them, or k of n, in three-valued logic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from proxy.domain import Exchange, Verdict
from proxy.judges.base import Judge
from proxy.judges.cards import Card


class KOfN:
    """Harmful where at least k judges say so; undecided while silent judges could tip it.

    Judges of different kinds err on different answers, so two of three outvote one that is fooled.
    With k = n it is a conjunction: a guard model for *unsafe*, the embedded judge for *relevant*.

    Args:
        judges: asked side by side; started and closed together. What only one can say (refusal,
            category) is taken from the first that says it.
        k: votes that make an answer harmful, from 1 to the number of judges.
        card: the combination's measured errors.

    Raises:
        ValueError: k is out of its range.
    """

    def __init__(self, judges: Sequence[Judge], k: int, *, card: Card | None = None) -> None:
        if not 1 <= k <= len(judges):
            raise ValueError(f"k must be from 1 to {len(judges)}, not {k}")
        self._judges = tuple(judges)
        self._k = k
        self.card = card

    @property
    def judge_id(self) -> str:
        """``2-of-3(first, second, third)``."""
        names = ", ".join(judge.judge_id for judge in self._judges)
        return f"{self._k}-of-{len(self._judges)}({names})"

    async def start(self) -> None:
        """Start all; where one fails, close those that stand and raise its error."""
        try:
            for judge in self._judges:
                await judge.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close all."""
        for judge in self._judges:
            await judge.close()

    async def judge(self, exchange: Exchange) -> Verdict:
        """Ask all judges and count."""
        verdicts = await asyncio.gather(*(judge.judge(exchange) for judge in self._judges))
        return vote(verdicts, self._k, judge_id=self.judge_id)


def conjunction(judges: Sequence[Judge]) -> KOfN:
    """Harmful where all judges say so; one clear no suffices, also beside silent ones."""
    return KOfN(judges, len(judges))


def vote(verdicts: Sequence[Verdict], k: int, *, judge_id: str) -> Verdict:
    """One verdict from several.

    Args:
        verdicts: one a judge, in the judges' order.
        k: votes that make harmful.
        judge_id: of the combination.

    Returns:
        Each score is the k-th highest of those given, so that it passes a threshold exactly where
        k judges pass it. Unscored where the silent judges could still change the outcome.
    """
    outcome = _count([_opinion(verdict) for verdict in verdicts], k)
    is_silent = all(verdict.harmful is None for verdict in verdicts)
    is_scored = outcome is not None or (is_silent and _any_scored(verdicts))
    return replace(
        _observed(verdicts, judge_id),
        status="scored" if is_scored else "unscored",
        harmful=outcome,
        score=None if outcome is None else _kth(verdicts, k, lambda v: v.score),
        unsafe=_kth(verdicts, k, lambda v: v.unsafe),
        relevant=_kth(verdicts, k, lambda v: v.relevant),
        useful=_kth(verdicts, k, lambda v: v.useful),
        reason=None if is_scored else _reasons(verdicts),
    )


def _opinion(verdict: Verdict) -> bool | None:
    return verdict.harmful if verdict.status == "scored" else None


def _count(opinions: Sequence[bool | None], k: int) -> bool | None:
    """Kleene's logic: decided once no silent judge can change it."""
    n_yes, n_silent = opinions.count(True), opinions.count(None)
    if n_yes >= k:
        return True
    return False if n_yes + n_silent < k else None


def _any_scored(verdicts: Sequence[Verdict]) -> bool:
    return any(verdict.status == "scored" for verdict in verdicts)


def _kth(
    verdicts: Sequence[Verdict], k: int, part: Callable[[Verdict], float | None]
) -> float | None:
    """The k-th highest of the scores given, or the lowest where fewer are given."""
    given = [score for v in verdicts if v.status == "scored" and (score := part(v)) is not None]
    return sorted(given, reverse=True)[min(k, len(given)) - 1] if given else None


def _observed(verdicts: Sequence[Verdict], judge_id: str) -> Verdict:
    """Refusal, flags, category and label: from the first judge that gives them, flags from all."""
    flags = dict.fromkeys(flag for verdict in verdicts for flag in verdict.degenerate)
    refusing = next((verdict for verdict in verdicts if verdict.refusal is not None), verdicts[0])
    return Verdict(
        judge_id=judge_id,
        status="unscored",
        refusal=refusing.refusal,
        is_refusal=refusing.is_refusal,
        is_partial_refusal=refusing.is_partial_refusal,
        degenerate=tuple(flags),
        category=_first(verdicts, lambda verdict: verdict.category),
        label=_first(verdicts, lambda verdict: verdict.label),
    )


def _first(verdicts: Sequence[Verdict], part: Callable[[Verdict], Any]) -> Any:
    return next((value for v in verdicts if (value := part(v)) is not None), None)


def _reasons(verdicts: Sequence[Verdict]) -> str:
    silent = [verdict for verdict in verdicts if _opinion(verdict) is None]
    return "; ".join(f"{verdict.judge_id}: {verdict.reason or 'no opinion'}" for verdict in silent)
