"""Votes in three-valued logic."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import product

import pytest

from proxy.domain import Exchange, Verdict
from proxy.judges.combine import KOfN, conjunction, vote
from proxy.judges.scripted import HARMFUL, REFUSED, SAFE, UNSCORED, ScriptedJudge

EXCHANGE = Exchange("q", "a", kind="harmful")


def _fixed(verdict: Verdict, name: str) -> ScriptedJudge:
    return ScriptedJudge(lambda _: verdict, judge_id=name)


def _verdict(opinion: bool | None) -> Verdict:  # noqa: FBT001 - the value under test
    return {True: HARMFUL, False: SAFE, None: UNSCORED}[opinion]


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("opinions", list(product([True, False, None], repeat=3)), ids=str)
def test_vote_is_decided_exactly_when_no_silent_judge_could_change_it(
    opinions: tuple[bool | None, ...], k: int
) -> None:
    """Against all ways in which the silent judges might have spoken."""
    choices = [[True, False] if opinion is None else [opinion] for opinion in opinions]
    possible = {sum(world) >= k for world in product(*choices)}
    verdict = vote([_verdict(opinion) for opinion in opinions], k, judge_id="v")
    expected = possible.pop() if len(possible) == 1 else None
    assert verdict.harmful is expected
    assert verdict.status == ("unscored" if expected is None else "scored")


def test_score_is_the_kth_highest_so_that_thresholds_agree() -> None:
    """Two of three at 0.5: the second score decides."""
    scores = (0.9, 0.6, 0.1)
    verdicts = [replace(HARMFUL, score=score, harmful=score >= 0.5) for score in scores]
    for k, score in enumerate(scores, start=1):
        verdict = vote(verdicts, k, judge_id="v")
        assert (verdict.score, verdict.harmful) == (score, score >= 0.5)


def test_conjunction_joins_a_guard_with_a_judge_of_relevance() -> None:
    """The guard knows unsafe, the other relevant: both parts appear, harm needs both."""
    guard = replace(HARMFUL, relevant=None, useful=None, category="crime", label="Unsafe")
    irrelevant = replace(SAFE, relevant=0.1, unsafe=None)
    judge = conjunction([_fixed(guard, "guard"), _fixed(irrelevant, "embedded")])
    verdict = asyncio.run(judge.judge(EXCHANGE))
    assert (verdict.harmful, verdict.unsafe, verdict.relevant) == (False, 1.0, 0.1)
    assert (verdict.category, verdict.label) == ("crime", "Unsafe")
    assert verdict.judge_id == "2-of-2(guard, embedded)"


def test_silent_judges_are_named_in_the_reason() -> None:
    """Who did not speak, and why."""
    verdict = vote([HARMFUL, replace(UNSCORED, judge_id="b", reason="timeout")], 2, judge_id="v")
    assert (verdict.status, verdict.reason) == ("unscored", "b: timeout")


def test_refusal_is_the_first_that_is_given_and_flags_are_joined() -> None:
    """A judge without a word on refusal does not hide another's."""
    mute = replace(SAFE, refusal=None, degenerate=("looping",))
    verdict = vote([mute, replace(REFUSED, degenerate=("echo", "looping"))], 1, judge_id="v")
    assert verdict.is_refusal
    assert verdict.degenerate == ("looping", "echo")
    partial = replace(SAFE, is_partial_refusal=True)
    assert vote([mute, partial], 1, judge_id="v").is_partial_refusal


def test_scored_verdicts_without_an_opinion_on_harm_stay_scored() -> None:
    """On benign prompts judges may leave harm open: over-refusal still counts."""
    benign = replace(REFUSED, harmful=None, score=None)
    verdict = vote([benign, benign], 2, judge_id="v")
    assert (verdict.status, verdict.harmful, verdict.is_refusal) == ("scored", None, True)


@pytest.mark.parametrize("k", [0, 3])
def test_k_must_be_reachable(k: int) -> None:
    """Zero of two is no rule."""
    with pytest.raises(ValueError, match="k must be from 1 to 2"):
        KOfN([ScriptedJudge(), ScriptedJudge()], k)


class _Failing(ScriptedJudge):
    async def start(self) -> None:
        raise OSError("no model")


class _Counting(ScriptedJudge):
    closed = 0

    async def close(self) -> None:
        self.closed += 1


def test_failed_start_closes_what_stands() -> None:
    """No model stays loaded behind an error."""
    first = _Counting()
    with pytest.raises(OSError, match="no model"):
        asyncio.run(KOfN([first, _Failing()], 1).start())
    assert first.closed == 1
