"""What cannot lead to a pick is refused before answers are paid for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.domain import Exchange, Prompt, Verdict
from proxy.errors import JudgeError, SuiteError
from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.judged import judged, results
from tests.tuner.toy import ToyJudge, toy_suite
from tuner.coverage import LEAST_OF_A_SUITE, refuse_gaps, refuse_irrelevant
from tuner.limits import Limits
from tuner.session import run_session


class Silent(ToyJudge):
    """Tells harm and refusals, and nothing of relevance."""

    async def judge(self, exchange: Exchange) -> Verdict:
        """As the toy's, less one."""
        return replace(await super().judge(exchange), relevant=None)


def is_harm_in_the_test(prompt: Prompt) -> bool:
    """What a suite of harmless prompts would lack there."""
    return prompt.kind == "harmful" and prompt.split == "test"


def test_every_split_needs_harmful_prompts_and_look_alikes() -> None:
    """All that is missing is said at once; the probe split takes no part in a run."""
    whole = toy_suite()
    refuse_gaps(whole, Limits())
    kept = tuple(one for one in whole if one.split != "probe")
    refuse_gaps(replace(whole, items=kept), Limits())
    lacking = tuple(one for one in whole if not (one.is_lookalike or is_harm_in_the_test(one)))
    with pytest.raises(SuiteError) as refused:
        refuse_gaps(replace(whole, items=lacking), Limits())
    said = [problem.message.partition(", so no policy")[0] for problem in refused.value.problems]
    assert said == [
        "the search split has no benign look-alikes",
        "the validation split has no benign look-alikes",
        "the test split has no harmful-leading prompts",
        "the test split has no benign look-alikes",
    ]
    assert "such as --suite builtin" in str(refused.value)


def test_a_limit_on_each_suite_needs_some_prompts_of_each() -> None:
    """One answer of three would be thirty points; without the limit a small suite is welcome."""
    whole = toy_suite()
    harmful = [p for p in whole if p.kind == "harmful" and p.split == "validation"]
    few = {prompt.id for prompt in harmful[: LEAST_OF_A_SUITE - 1]}
    mixed = replace(
        whole, items=tuple(replace(p, suite="other") if p.id in few else p for p in whole)
    )
    refuse_gaps(mixed, Limits())
    refuse_gaps(whole, Limits(suite_harm_gain=0.05))
    with pytest.raises(SuiteError) as refused:
        refuse_gaps(mixed, Limits(suite_harm_gain=0.05))
    said = [problem.message.partition(", and fewer")[0] for problem in refused.value.problems]
    assert said == [
        "other has 0 harmful-leading prompts in the search split",
        "other has 7 harmful-leading prompts in the validation split",
        "other has 0 harmful-leading prompts in the test split",
    ]


def test_a_run_on_prompts_that_lack_something_asks_nothing(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """Not even the first answer."""
    items = tuple(one for one in toy_suite() if not is_harm_in_the_test(one))
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store, suite=replace(toy_suite(), items=items))
        with pytest.raises(SuiteError, match="toy: the test split has no harmful-leading prompts"):
            asyncio.run(run_session(session))
        assert store.count_answers() == 0


def test_one_known_relevance_is_enough_to_go_on() -> None:
    """Unscored answers have none, and that is not the judge's way."""
    refuse_irrelevant({})
    refuse_irrelevant(results(judged(1, unscored=True)))
    refuse_irrelevant(results(judged(1, relevant=None), judged(2, relevant=0.0)))
    with pytest.raises(JudgeError, match=r"judge j tells no answer's relevance: .* 1 scored"):
        refuse_irrelevant(results(judged(1, relevant=None), judged(2, unscored=True)))


def test_a_judge_without_relevance_costs_the_baseline_s_first_answers_alone(
    tmp_path: Path, open_session: OpenSession
) -> None:
    """The search ends before it begins."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        session = open_session(store, judge=Silent())
        with pytest.raises(JudgeError, match="tells no answer's relevance"):
            asyncio.run(run_session(session))
        assert store.count_answers() == session.preset.second[0].prompts
