"""What is measured is told apart by model and content."""

from __future__ import annotations

from proxy.operations.target import Target
from proxy.policy.schema import Policy
from tests.edge import scripted


def test_key_is_the_models_name_and_the_policys_content() -> None:
    """An edited policy is another target."""
    policy, edited = (
        Policy.model_validate({"schema": 1, "name": "p", "decoding": {"temperature": value}})
        for value in (0.1, 0.2)
    )
    assert Target(scripted(), policy).key == ("fake", policy.ref)
    assert Target(scripted(), policy).key != Target(scripted(), edited).key
