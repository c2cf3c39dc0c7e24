"""The prompts of a round."""

from __future__ import annotations

from proxy.operations.probe_plan import ProbePlan
from proxy.suites.builtin import load_builtin

POOL = load_builtin().select(split="probe")


def test_round_has_both_kinds_and_every_category_in_proportion() -> None:
    """Harmful-leading ones first; the same in every process."""
    chosen = ProbePlan(POOL, 40).prompts(0)
    assert [prompt.kind for prompt in chosen] == ["harmful"] * 40 + ["benign"] * 40
    categories = [prompt.category for prompt in chosen[:40]]
    assert max(map(categories.count, set(categories))) <= 5
    assert chosen == ProbePlan(POOL, 40).prompts(0)


def test_rounds_and_seeds_give_other_samples() -> None:
    """So that no version is tuned to one of them; round 1 of seed 0 is round 0 of seed 1."""
    plan = ProbePlan(POOL, 20)
    assert set(plan.prompts(0)) != set(plan.prompts(1))
    assert plan.prompts(1) == ProbePlan(POOL, 20, seed=1).prompts(0)


def test_small_pool_is_used_whole() -> None:
    """There is no more."""
    assert set(ProbePlan(POOL, 1000).prompts(3)) == set(POOL)
