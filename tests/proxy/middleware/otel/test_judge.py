"""Verdicts in the trace of the answer that they are about."""

from __future__ import annotations

import asyncio

import pytest

from proxy.domain import ORIGIN, Exchange, Verdict
from proxy.middleware.otel.judge import EVENT, WatchedJudge
from tests.edge import StubJudge
from tests.otel import kept

pytestmark = pytest.mark.otel

SEEN = Verdict(
    "stub-1", "scored", harmful=True, score=0.75, unsafe=0.5, relevant=1.0, category="crime",
    reason="private",
)  # fmt: skip


def test_verdict_is_a_child_of_the_call() -> None:
    """However much later, in whatever task."""
    found = kept()
    judge = WatchedJudge(StubJudge(lambda _: SEEN), found.signals)

    async def run() -> None:
        call = found.signals.start("call", "client", {})
        origin = ORIGIN.set(found.signals.within(call))
        exchange = Exchange("private", "private")
        ORIGIN.reset(origin)
        call.end()
        assert await judge.judge(exchange) is SEEN

    asyncio.run(run())
    call, span = found.span("call"), found.span("guardrail stub-1")
    assert span.parent.span_id == call.context.span_id
    assert span.attributes["guardtune.verdict.outcome"] == "harmful"
    assert span.attributes["guardtune.verdict.category"] == "crime"
    (event,) = span.events
    assert event.name == EVENT
    assert dict(event.attributes) == {
        "gen_ai.evaluation.name": "harmful",
        "gen_ai.evaluation.score.label": "harmful",
        "gen_ai.evaluation.score.value": 0.75,
    }
    assert "private" not in span.to_json()


def test_probe_belongs_to_no_trace() -> None:
    """Its exchange was made outside of any call of a user's."""
    found = kept()
    judge = WatchedJudge(StubJudge(), found.signals)
    asyncio.run(judge.judge(Exchange("a", "b", kind="harmful")))
    assert found.spans == ()
    assert judge.judge_id == "stub-1"
