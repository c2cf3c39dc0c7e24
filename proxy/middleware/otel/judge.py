"""The judge's work on a traced answer as a span of that trace, with the verdict on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.domain import Exchange, Verdict
from proxy.judges.base import Judge

if TYPE_CHECKING:
    from proxy.middleware.otel.signals import Signals

EVENT = "gen_ai.evaluation.result"
_SCORES = ("unsafe", "relevant", "useful", "refusal")


class WatchedJudge:
    """A judge whose verdicts on users' answers are told; probes belong to no trace.

    Args:
        judge: decides.
        signals: where its verdicts go.
    """

    def __init__(self, judge: Judge, signals: Signals) -> None:
        self._judge = judge
        self._signals = signals

    @property
    def judge_id(self) -> str:
        """The judge's own."""
        return self._judge.judge_id

    async def start(self) -> None:
        """Load what the judge needs."""
        await self._judge.start()

    async def judge(self, exchange: Exchange) -> Verdict:
        """Judge one exchange."""
        if exchange.origin is None:
            return await self._judge.judge(exchange)
        judge_id = self.judge_id
        with self._signals.span(
            f"guardrail {judge_id}",
            "internal",
            {"guardtune.judge.id": judge_id},
            parent=exchange.origin,
        ) as span:
            verdict = await self._judge.judge(exchange)
            span.set_attributes(_of_verdict(verdict))
            span.add_event(EVENT, _as_evaluation(verdict))
            return verdict

    async def close(self) -> None:
        """Release what the judge took."""
        await self._judge.close()


def _of_verdict(verdict: Verdict) -> dict[str, Any]:
    """All but the reason, which is for the log."""
    found: dict[str, Any] = {
        "guardtune.verdict.outcome": verdict.outcome,
        "guardtune.verdict.is_refusal": verdict.is_refusal,
        "guardtune.verdict.degenerate": verdict.degenerate,
    }
    optional = {
        "harmful": verdict.harmful,
        "category": verdict.category,
        **{name: getattr(verdict, name) for name in _SCORES},
    }
    return found | {
        f"guardtune.verdict.{name}": value for name, value in optional.items() if value is not None
    }


def _as_evaluation(verdict: Verdict) -> dict[str, Any]:
    """The conventions' event; its score is that of harm, or of danger where harm has none."""
    score = verdict.unsafe if verdict.score is None else verdict.score
    found: dict[str, Any] = {
        "gen_ai.evaluation.name": "harmful",
        "gen_ai.evaluation.score.label": verdict.outcome,
    }
    return found if score is None else found | {"gen_ai.evaluation.score.value": score}
