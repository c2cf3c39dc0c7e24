"""A second judge reads stored answers."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.domain import Exchange, Verdict
from proxy.errors import SettingsError
from proxy.evaluation.store import AnswerKey, EvaluationStore
from proxy.judges.scripted import ScriptedJudge
from tests.tuner.judged import judged, results
from tests.tuner.report.conftest import Doubter, cut, doubted
from tests.tuner.toy import PRESET, ToyJudge, toy_suite
from tuner.record import Record
from tuner.report.facts import Facts, reported
from tuner.report.second import SecondJudge, agreement, beside, read_again, second_opinion


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


@pytest.mark.parametrize(
    "own",
    [
        "scripted-1",
        "scripted-1+lexical",
        "1-of-2(embedded-3@1dc892, scripted-1)",
        "2-of-3(embedded-3@1dc892+lexical, scripted-1+lexical, other)",
        "cascade(scripted-1 → other; [0.3, 0.7))",
        "cascade(other → 1-of-1(scripted-1); [0.3, 1e-05); audit 0.05 salt)",
    ],
)
def test_a_judge_that_the_search_has_used_is_no_second_one(facts: Facts, own: str) -> None:
    """It would agree with itself: left out by default, and said where it was asked for.

    Alone or in a combination; how relevance was read makes no other judge of harm.
    """
    assert read_again(facts, SecondJudge("scripted")) is not None
    facts.identity = {**facts.identity, "judge": own}
    assert read_again(facts, SecondJudge("scripted")) is None
    with pytest.raises(SettingsError, match="--second-judge: scripted has a judge in common"):
        read_again(facts, SecondJudge("scripted", is_asked_for=True))


@pytest.mark.parametrize(
    "own",
    ["scripted-12", "graded-1/scripted-1@abc123", "1-of-2(a, b)", "cascade(a → b; [0.3, 0.7))"],
)
def test_another_judge_is_a_second_one_whatever_its_id_looks_like(facts: Facts, own: str) -> None:
    """Ids are compared whole, one by one."""
    facts.identity = {**facts.identity, "judge": own}
    assert read_again(facts, SecondJudge("scripted")) is not None


@pytest.mark.parametrize(
    ("second", "is_other"),
    [("1-of-2(toy-1, x)", False), ("1-of-2(y, z)", True), ("cascade(y → z; [0.3, 0.7))", True)],
)
def test_a_second_judge_with_the_search_s_inside_is_no_other_one(
    facts: Facts, second: str, *, is_other: bool
) -> None:
    """Nor one that shares a part with it; a band of the same bounds is no part."""
    shown = reported(facts)
    assert shown is not None
    first = "1-of-2(toy-1, cascade(v → w; [0.3, 0.7)))"
    judge = ScriptedJudge(judge_id=second)
    found = asyncio.run(second_opinion(judge, shown.policies, first=first))
    assert (found is not None) == is_other


def test_the_second_judge_s_change_has_an_interval_and_a_test(facts: Facts) -> None:
    """Paired, as the first judge's; and by this judge, who finds less, less is shown."""
    opinion, shown = doubted(facts), reported(facts)
    assert shown is not None
    found = beside(opinion, facts, shown)
    paired, rates = found["paired"], found["policies"]
    assert paired["n"] == 40
    changed = rates["tuned"]["second"]["k"] - rates["baseline"]["second"]["k"]
    assert paired["gap"] == pytest.approx(changed / 40)
    assert paired["broken"] - paired["fixed"] == changed < 0
    assert paired["low"] < paired["gap"] < paired["high"]
    by_first = facts.record.find("test") or {}
    assert paired["mcnemar_p"] > by_first["compared"]["harmful"]["mcnemar_p"]


def test_finalists_have_the_rates_of_what_is_stored_or_just_read(
    toy_store: Path, tmp_path: Path
) -> None:
    """And nothing is read anew for them, nor anything stored."""
    path = Path(shutil.copy(toy_store, tmp_path / "tune.sqlite"))
    with EvaluationStore(path) as store:
        facts = Facts(Record.load(store, "r"), store, PRESET, toy_suite())
        shown = reported(facts)
        assert shown is not None
        assert beside(doubted(facts), facts, shown)["validation"] == {}
        known = facts.of(facts.baseline, "validation")
        for prompt, one in known.items():
            verdict = replace(one.verdict, judge_id=Doubter.judge_id, harmful=prompt[-1] == "1")
            store.add_verdict(AnswerKey.of("0" * 64, one.task), verdict)
        (name,) = (found := beside(doubted(facts), facts, shown)["validation"])
        assert name == "baseline"
        assert found[name]["n"] == 30
        expected = sum(one.startswith("harmful") and one[-1] == "1" for one in known)
        assert found[name]["second"]["k"] == expected > 0
    with EvaluationStore(toy_store, read_only=True) as store:
        whole = Facts(Record.load(store, "r"), store, PRESET, toy_suite())
        facts = cut(whole, "test")
        validated = reported(facts)
        assert validated is not None
        found = beside(doubted(facts), facts, validated)["validation"]
        assert set(found) == {"baseline", validated.key}
