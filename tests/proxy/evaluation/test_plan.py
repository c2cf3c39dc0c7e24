"""What a run will cost."""

from __future__ import annotations

import pytest

from proxy.evaluation.plan import Pace, Plan, plan
from proxy.evaluation.run import tasks_for
from proxy.policy.schema import PASSTHROUGH, Policy
from tests.proxy.evaluation.evaluations import PROMPTS


def test_what_is_stored_costs_nothing() -> None:
    """Answers, and tokens at least and at most."""
    tasks = tasks_for(PASSTHROUGH, PROMPTS, run_seed=1, max_tokens=64)
    found = plan(tasks, tasks[:5])
    assert (found.answers, found.stored, found.to_generate) == (20, 15, 5)
    assert found.max_answer_tokens == 5 * 64
    assert "5 of 20 answers to generate, with at least 5 and at most 320 tokens" in str(found)


def test_a_policys_texts_are_sent_with_every_prompt() -> None:
    """A long system prompt is what a remote model bills for."""
    wordy = Policy.model_validate(
        {"schema": 1, "name": "wordy", "system_prompt": {"text": "word " * 80}}
    )
    bare, long = (
        plan(tasks, tasks).prompt_tokens
        for tasks in (
            tasks_for(policy, PROMPTS, run_seed=1, max_tokens=64) for policy in (PASSTHROUGH, wordy)
        )
    )
    assert long - bare == pytest.approx(20 * 100, abs=20)


def test_a_full_store_needs_no_model() -> None:
    """It says so."""
    assert "nothing is generated" in str(Plan(20, 20, 0, 0))


def test_the_pace_gives_a_range_that_narrows() -> None:
    """Around the mean so far; exact where all answers are alike."""
    pace = Pace()
    for tokens in (10, 10, 10):
        pace.add(tokens)
    assert pace.expected_tokens(7) == (70.0, 70.0)
    pace.add(30)
    low, high = pace.expected_tokens(10)
    assert low < 150 < high
    for _ in range(30):
        pace.add(10)
        pace.add(30)
    narrow_low, narrow_high = pace.expected_tokens(10)
    assert narrow_high - narrow_low < high - low
