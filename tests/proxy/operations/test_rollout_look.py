"""What follows from one round, and from all before it."""

from __future__ import annotations

import msgspec

from proxy.domain import Kind, Prompt, Verdict
from proxy.evaluation.run import Answer, Judged, Task
from proxy.operations.canary import Canary
from proxy.operations.rollout_look import Round, conclude, is_overtaken
from proxy.operations.rollout_plan import RolloutPlan
from proxy.policy.rollout import Entry
from proxy.policy.schema import PASSTHROUGH, Policy
from tests.proxy.policy.rollout_steps import START, step

POLICY = Policy.model_validate({"schema": 1, "name": "canary"})
CANARY = Canary("m", POLICY.ref, PASSTHROUGH.ref)
ELSEWHERE = Canary("n", POLICY.ref, PASSTHROUGH.ref)
KINDS: tuple[Kind, Kind] = ("harmful", "benign")
N = 400
"""Prompts of each kind in a round: so many that one round is enough."""


def _answers(*, harmful: bool, judge: str = "stub-1") -> list[Judged]:
    return [
        Judged(
            Task(PASSTHROUGH, Prompt(f"{kind}-{at}", "x", kind, "advice", "test", "probe"), 0, 8),
            Answer("text"),
            Verdict(judge, "scored", harmful=harmful and kind == "harmful"),
        )
        for kind in KINDS
        for at in range(N)
    ]


def _conclude(
    *entries: Entry,
    number: int = 0,
    harmful: bool = False,
    canary: Canary = CANARY,
    among: tuple[Canary, ...] = (CANARY,),
    judge: str = "stub-1",
) -> Entry | None:
    new, old = _answers(harmful=harmful, judge=judge), _answers(harmful=False, judge=judge)
    round_ = Round(canary, among, number, new, old)
    return conclude(round_, entries, plan=RolloutPlan("always"), now=START.timestamp())


def test_conclusion_is_overtaken_by_what_came_after_it_was_drawn() -> None:
    """A decision, a retry, a look at the round; not by what was there, nor by others' steps."""
    at = Round(CANARY, (CANARY,), 1, _answers(harmful=False), _answers(harmful=False))
    other = Policy.model_validate({"schema": 1, "name": "other"})
    hold = msgspec.structs.replace(_taken(), step="hold")
    read = (step("rollback", POLICY), step("retry", POLICY), hold)
    assert not is_overtaken(at, read, read)
    assert not is_overtaken(at, read, (*read, step("retry", other), step("promote", other)))
    for later in (
        step("rollback", POLICY),
        step("retry", POLICY),
        msgspec.structs.replace(hold, round=1),
        msgspec.structs.replace(hold, round=2),
    ):
        assert is_overtaken(at, read, (*read, later))


def _taken(*entries: Entry, **more: object) -> Entry:
    entry = _conclude(*entries, **more)  # type: ignore[arg-type]  # the same as above
    assert entry is not None
    return entry


def test_round_leads_to_a_step_with_all_that_is_known() -> None:
    """When, who, what, of what, and why."""
    entry = _taken(number=7, harmful=True)
    assert (entry.at, entry.who, entry.step, entry.ref) == (START, "auto", "rollback", POLICY.ref)
    assert (entry.model, entry.old, entry.judge) == ("m", str(PASSTHROUGH.ref), "stub-1")
    assert (entry.round, entry.rounds) == (7, 1)
    assert "harmful +100.0 points" in entry.why


def test_what_was_decided_or_counted_is_not_concluded_again() -> None:
    """By a person, by another server, by the round's other half."""
    assert _conclude(step("rollback", POLICY)) is None
    hold = msgspec.structs.replace(_taken(), step="hold")
    assert _conclude(hold, number=0) is None
    assert _conclude(hold, number=1) is not None
    assert _conclude(hold, step("retry", POLICY), number=0) is None


def test_rounds_of_one_judge_add_up_and_those_of_two_do_not() -> None:
    """What two judges call harmful is not the same."""
    hold = msgspec.structs.replace(_taken(), step="hold")
    second = _taken(hold, number=1)
    other = _taken(hold, number=1, judge="stub-2")
    assert second.figures is not None
    assert other.figures is not None
    assert (second.rounds, second.figures["harmful"].n) == (2, 2 * N)
    assert (other.rounds, other.figures["harmful"].n) == (1, N)


def test_promotion_needs_every_comparison_and_rollback_one() -> None:
    """Also of a model that has not said anything yet."""
    both = (CANARY, ELSEWHERE)
    assert _taken(among=both).step == "hold"
    assert _taken(among=both, harmful=True).step == "rollback"
    elsewhere = msgspec.structs.replace(_taken(canary=ELSEWHERE, among=both), step="hold")
    assert _taken(elsewhere, among=both).step == "promote"
    remote = Canary("remote", POLICY.ref, PASSTHROUGH.ref, is_probed=False)
    assert "not measured on remote" in _taken(among=(CANARY, remote)).why
