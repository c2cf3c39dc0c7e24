"""What is measured is told apart by model and content."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.metrics import Metrics
from proxy.operations.policy_watch import PolicyWatch
from proxy.operations.served import ServedModels
from proxy.operations.target import Target, live_targets
from proxy.policy.schema import Policy
from proxy.policy.store import PolicyStore
from tests.edge import scripted, write_policy


def test_key_is_the_models_name_and_the_policys_content() -> None:
    """An edited policy is another target."""
    policy, edited = (
        Policy.model_validate({"schema": 1, "name": "p", "decoding": {"temperature": value}})
        for value in (0.1, 0.2)
    )
    assert Target(scripted(), policy).key == ("fake", policy.ref)
    assert Target(scripted(), policy).key != Target(scripted(), edited).key


def test_live_are_the_policies_of_models_that_can_answer(tmp_path: Path) -> None:
    """One that is still loading is asked nothing."""
    write_policy(tmp_path, "careful")
    models = ServedModels([scripted(name="one")])
    policies = PolicyWatch(PolicyStore(tmp_path), Metrics())
    assert live_targets(models, policies, ()) == []
    asyncio.run(models.start())
    (target,) = live_targets(models, policies, ())
    assert (target.backend.model, target.policy.name) == ("one", "careful")
