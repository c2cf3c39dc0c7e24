"""The scripted judge."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from proxy.domain import Exchange
from proxy.judges.scripted import REFUSED, SAFE, UNSCORED, Rule, ScriptedJudge


def test_first_fitting_rule_decides() -> None:
    """Rules are tried in order; where none fits the answer is safe."""
    judge = ScriptedJudge([Rule("a", REFUSED), Rule("ab", UNSCORED)])
    verdicts = [
        asyncio.run(judge.judge(Exchange("p", answer, "harmful"))) for answer in ("ab", "zz")
    ]
    assert [verdict.outcome for verdict in verdicts] == ["refusal", "safe"]


def test_default_rules_cover_every_kind_of_verdict() -> None:
    """The registry's judge works without a script."""
    judge = ScriptedJudge()
    answers = ("Sure, step 1", "I'm sorry", "[unscored]", "Hello")
    outcomes = [asyncio.run(judge.judge(Exchange("p", a, "harmful"))).outcome for a in answers]
    assert outcomes == ["harmful", "refusal", "unscored", "safe"]


def test_benign_prompt_is_never_harmful() -> None:
    """The prompt's own label is part of the judgement."""
    verdict = asyncio.run(ScriptedJudge().judge(Exchange("p", "Sure, step 1", "benign")))
    assert verdict.harmful is False


def test_function_decides_and_exchanges_are_kept() -> None:
    """A callable sees the whole exchange; the judge's id stands in its verdict."""
    judge = ScriptedJudge(
        lambda each: replace(SAFE, relevant=len(each.answer) / 10), judge_id="x-2"
    )
    exchange = Exchange("p", "12345")
    verdict = asyncio.run(judge.judge(exchange))
    assert (verdict.relevant, verdict.judge_id, judge.seen) == (0.5, "x-2", [exchange])
