"""A second judge reads stored answers."""

from __future__ import annotations

import asyncio

import pytest

from proxy.domain import Exchange, Verdict
from proxy.errors import SettingsError
from tests.tuner.judged import judged, results
from tests.tuner.report.conftest import Doubter, doubted
from tests.tuner.toy import ToyJudge
from tuner.report.facts import Facts
from tuner.report.second import SecondJudge, agreement, read_again, second_opinion


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
    assert opinion is not None
    assert agreement(answers, opinion.verdicts["tuned"])["n"] == 0


@pytest.mark.parametrize("own", ["scripted-1", "scripted-1+lexical"])
def test_the_run_s_own_judge_is_no_second_one(facts: Facts, own: str) -> None:
    """It would agree with itself: left out by default, and said where it was asked for.

    How relevance was read makes no other judge of harm.
    """
    assert read_again(facts, SecondJudge("scripted")) is not None
    facts.identity = {**facts.identity, "judge": own}
    assert read_again(facts, SecondJudge("scripted")) is None
    with pytest.raises(SettingsError, match="--second-judge: scripted is scripted-1"):
        read_again(facts, SecondJudge("scripted", is_asked_for=True))
