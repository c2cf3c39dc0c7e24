"""What is done about what was found."""

from __future__ import annotations

import pytest

from proxy.operations.rollout_evidence import Found
from proxy.operations.rollout_plan import Auto, RolloutPlan
from proxy.policy.rollout import Step


@pytest.mark.parametrize(
    ("auto", "found", "elsewhere", "step", "said"),
    [
        ("always", "worse", "better", "rollback", "Worse."),
        ("rollback", "worse", "better", "rollback", "Worse."),
        ("never", "worse", "better", "hold", "guardtune policy rollback mild"),
        ("always", "better", "better", "promote", "As good or better."),
        ("rollback", "better", "better", "hold", "guardtune policy promote mild"),
        ("never", "better", "better", "hold", "guardtune policy promote mild"),
        ("always", "better", "unclear", "hold", "not yet clear of every comparison"),
        ("always", "unclear", "better", "hold", "Unclear yet."),
    ],
)
def test_step_follows_from_what_was_found_and_what_is_allowed(
    auto: Auto, found: Found, elsewhere: Found, step: Step, said: str
) -> None:
    """Where a step needs a person, the command is said."""
    taken, why = RolloutPlan(auto).conclude(found, elsewhere=elsewhere, rounds=1, policy="mild")
    assert taken == step
    assert said in why


def test_shadow_is_promoted_by_a_person_only() -> None:
    """Its file gives it to nobody, and no setting is meant to overrule that."""
    step, why = RolloutPlan("always").conclude(
        "better", elsewhere="better", rounds=1, policy="mild", is_shadow=True
    )
    assert step == "hold"
    assert "guardtune policy promote mild" in why


def test_what_is_measured_on_some_models_only_is_promoted_by_a_person() -> None:
    """The others' users would get it unseen; what is worse is taken back all the same."""
    plan = RolloutPlan("always")
    unmeasured = ["remote"]
    step, why = plan.conclude(
        "better", elsewhere="better", rounds=1, policy="mild", unmeasured=unmeasured
    )
    assert step == "hold"
    assert "not measured on remote" in why
    assert "guardtune policy promote mild" in why
    step, _ = plan.conclude(
        "worse", elsewhere="better", rounds=1, policy="mild", unmeasured=unmeasured
    )
    assert step == "rollback"


def test_end_of_the_hurry_is_said() -> None:
    """Scheduled rounds go on."""
    step, why = RolloutPlan(max_rounds=3).conclude(
        "unclear", elsewhere="better", rounds=3, policy="mild"
    )
    assert step == "hold"
    assert "only scheduled rounds" in why
