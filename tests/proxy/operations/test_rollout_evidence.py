"""Rounds add up to figures, and figures to a finding."""

from __future__ import annotations

import msgspec
import pytest

from proxy.domain import Kind, PolicyRef, Prompt, Verdict
from proxy.evaluation.run import Answer, Judged, Task
from proxy.operations.canary import Canary
from proxy.operations.rollout_evidence import (
    Found,
    add_round,
    first_round,
    in_words,
    judge_figures,
    last_look,
)
from proxy.policy.rollout import Entry, Figures, Table
from proxy.policy.schema import PASSTHROUGH, Policy
from tests.proxy.policy.rollout_steps import START, figures, step

CANARY_POLICY = Policy.model_validate({"schema": 1, "name": "canary"})
CANARY = Canary("m", CANARY_POLICY.ref, PASSTHROUGH.ref)


def _judged(name: str, kind: Kind, *, counts: bool | None) -> Judged:
    """An answer that counts in its kind's rate, does not, or is unscored."""
    prompt = Prompt(f"{kind}-{name}", name, kind, "advice", "test", "probe")
    verdict = (
        Verdict("stub-1", "unscored")
        if counts is None
        else Verdict("stub-1", "scored", harmful=counts, is_refusal=counts)
    )
    return Judged(Task(PASSTHROUGH, prompt, seed=0, max_tokens=8), Answer("text"), verdict)


def _round(harmful: str, benign: str) -> list[Judged]:
    """One answer a letter: ``x`` counts, ``.`` does not, ``?`` is unscored."""
    letters: dict[str, bool | None] = {"x": True, ".": False, "?": None}
    both: tuple[tuple[Kind, str], ...] = (("harmful", harmful), ("benign", benign))
    return [
        _judged(str(i), kind, counts=letters[letter])
        for kind, marks in both
        for i, letter in enumerate(marks)
    ]


def _added(
    before: dict[str, Figures], new: list[Judged], old: list[Judged], *, among: int = 1
) -> dict[str, Figures]:
    figures = add_round(before, new, old, among=among)
    assert figures is not None
    return figures


def _look(*, old: PolicyRef = PASSTHROUGH.ref, model: str = "m", number: int = 0) -> Entry:
    return Entry(
        at=START, who="auto", step="hold", policy="canary", sha=CANARY_POLICY.sha, why="",
        old=str(old), model=model, round=number, rounds=1,
        figures={"harmful": figures(), "over_refusal": figures()},
    )  # fmt: skip


def test_rounds_add_up() -> None:
    """Each pair of answers to one prompt counts once."""
    first = _added({}, _round("xx.", "x.."), _round("x..", "..."))
    item = first["harmful"]
    assert (item.both, item.only_new, item.only_old, item.neither) == (1, 1, 0, 1)
    assert first["over_refusal"].only_new == 1
    second = _added(first, _round("..x", "..."), _round("x.x", "..."))
    item = second["harmful"]
    assert (item.both, item.only_new, item.only_old, item.neither) == (2, 1, 1, 2)
    assert second["harmful"].n == second["over_refusal"].n == 6


def test_pair_without_two_verdicts_speaks_against_promotion_only() -> None:
    """No verdict is never taken for a good one, nor for a bad one."""
    old = _round("." * 100, "." * 100)
    clean = _added({}, _round("." * 100, "." * 100), old)["harmful"]
    gaps = _added({}, _round("." * 90 + "?" * 10, "." * 100), old)["harmful"]
    assert (gaps.n, gaps.missing) == (90, 10)
    assert gaps.upper > 0.1 > clean.upper
    assert gaps.lower <= clean.lower + 0.01


def test_round_in_which_nobody_answered_adds_nothing() -> None:
    """Not even a look."""
    silence = _round("?" * 40, "?" * 40)
    assert add_round({}, silence, silence, among=1) is None
    assert add_round({}, silence, _round("." * 40, "." * 40), among=1) is None


def test_outage_of_one_side_is_not_held_against_the_canary() -> None:
    """Its bounds are as if the round had not been, but for the harm that was found in it."""
    calm = _round("." * 40, "." * 40)
    before = _added({}, calm, calm)
    after = _added(before, _round("." * 20 + "?" * 20, "?" * 40), calm)["harmful"]
    assert (after.n, after.missing) == (60, 20)
    assert after.upper == before["harmful"].upper
    harm = _added(before, _round("x" * 20 + "?" * 20, "?" * 40), calm)["harmful"]
    assert harm.lower > 0


def test_canary_that_leaves_out_what_would_count_is_not_promoted() -> None:
    """A tenth of its answers, round after round, and nothing else speaks against it."""
    old = _round("." * 40, "." * 40)
    figures: dict[str, Figures] = {}
    for _ in range(100):
        figures = _added(figures, _round("?" * 4 + "." * 36, "." * 40), old)
    assert judge_figures(figures) == "unclear"


def test_figures_of_an_older_journal_still_add_up() -> None:
    """There a missing pair counted as one where the canary's counts alone."""
    old = Figures(both=0, only_new=0, only_old=0, neither=36, missing=4, lower=-0.1, upper=0.4)
    calm = _round("." * 40, "." * 40)
    after = _added({"harmful": old, "over_refusal": old}, calm, calm)["harmful"]
    assert after.worst == Table(both=0, only_new=4, only_old=0, neither=76)


def test_several_comparisons_share_the_chance_of_an_error() -> None:
    """Each must then be surer."""
    new, old = _round("x" * 10 + "." * 30, "." * 40), _round("." * 40, "." * 40)
    alone = _added({}, new, old)["harmful"]
    shared = _added({}, new, old, among=3)["harmful"]
    assert shared.lower < alone.lower
    assert shared.upper > alone.upper


@pytest.mark.parametrize(
    ("harmful", "over_refusal", "found"),
    [
        ((0.001, 0.3), (-0.1, 0.1), "worse"),
        ((0.001, 0.04), (-0.1, 0.04), "worse"),
        ((-0.3, 0.02), (0.051, 0.3), "worse"),
        ((-0.3, 0.02), (0.01, 0.049), "better"),
        ((-0.3, 0.049), (-0.1, 0.049), "better"),
        ((-0.3, 0.049), (-0.1, 0.05), "unclear"),
        ((-0.3, 0.05), (-0.1, 0.01), "unclear"),
        ((0.0, 0.2), (0.05, 0.2), "unclear"),
    ],
)
def test_finding_is_a_matter_of_the_bounds(
    harmful: tuple[float, float], over_refusal: tuple[float, float], found: Found
) -> None:
    """Lower bounds take back, upper bounds promote."""
    both: dict[str, Figures] = {
        "harmful": figures(*harmful),
        "over_refusal": figures(*over_refusal),
    }
    assert judge_figures(both) == found


def test_last_look_is_one_of_this_comparison_since_it_began_anew() -> None:
    """Another stable version, another model and a retry are other comparisons."""
    other = PolicyRef("other", "0" * 12)
    mine = _look(number=4)
    assert last_look([mine, _look(old=other), _look(model="n")], CANARY) == mine
    assert last_look([mine, step("promote", CANARY_POLICY)], CANARY) == mine
    assert last_look([mine, step("retry", CANARY_POLICY)], CANARY) is None
    assert last_look([], CANARY) is None


def test_last_look_can_be_one_of_a_judge() -> None:
    """Another judge's look that came later does not hide it."""
    mine, other = (
        msgspec.structs.replace(_look(number=number), judge=judge)
        for number, judge in enumerate(("stub-1", "stub-2"))
    )
    assert last_look([mine, other], CANARY, "stub-1") == mine
    assert last_look([mine, other], CANARY) == other
    assert last_look([mine, other], CANARY, "stub-3") is None


def test_first_new_round_is_after_all_that_were_counted() -> None:
    """Also after a retry: its prompts and seeds would be the same."""
    entries = [_look(number=4), step("retry", CANARY_POLICY), _look(model="n", number=6)]
    assert first_round([]) == 0
    assert first_round(entries) == 7
    assert first_round(entries, CANARY) == 5


def test_figures_in_words_have_bounds_and_n() -> None:
    """No number without both."""
    item = Figures(
        both=1, only_new=2, only_old=12, neither=65, missing=3, lower=-0.2345, upper=-0.0412
    )
    nothing = Figures(both=0, only_new=0, only_old=0, neither=0, lower=-1.0, upper=1.0)
    assert in_words({"harmful": item, "over_refusal": nothing}) == (
        "harmful -12.5 points [-23.4, -4.1], n = 80, 3 missing; over-refusal not measured"
    )
