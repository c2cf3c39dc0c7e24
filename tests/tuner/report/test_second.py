"""A second judge reads stored answers."""

from __future__ import annotations

import asyncio

from proxy.domain import Exchange, Verdict
from tests.tuner.judged import judged, results
from tests.tuner.report.conftest import Doubter, doubted
from tests.tuner.toy import ToyJudge
from tuner.report.facts import Facts
from tuner.report.second import agreement, second_opinion


class Broken(ToyJudge):
    """Fails on every answer."""

    judge_id = "broken-1"

    async def judge(self, exchange: Exchange) -> Verdict:
        """Raise."""
        raise RuntimeError


def test_both_judges_are_counted_on_what_both_scored(facts: Facts) -> None:
    """The doubter finds less, and only ever less."""
    opinion = doubted(facts)
    assert opinion.judge_id == Doubter.judge_id
    validation = facts.record.find("test")
    assert validation is not None
    found = agreement(facts.of(facts.baseline, "test"), opinion.verdicts["baseline"])
    assert found["n"] == 40
    assert found["table"]["only_second"] == 0
    assert found["first"]["k"] - found["second"]["k"] == found["table"]["only_first"] > 0
    assert found["disagreement"]["k"] == found["table"]["only_first"]


def test_a_judge_that_breaks_costs_its_verdicts_only() -> None:
    """They are unscored, so they count nowhere."""
    answers = results(judged(1, harmful=True), judged(2))
    opinion = asyncio.run(second_opinion(Broken(), {"tuned": answers}))
    assert agreement(answers, opinion.verdicts["tuned"])["n"] == 0
