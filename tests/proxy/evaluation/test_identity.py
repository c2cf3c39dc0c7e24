"""The same policy, whatever it is called."""

from __future__ import annotations

from proxy.evaluation.identity import phenotype_key
from proxy.policy.schema import PASSTHROUGH, Policy


def test_a_policy_is_what_it_does() -> None:
    """Name, description and match do not count; text and settings do."""
    named = Policy.model_validate({"schema": 1, "name": "other", "match": {"priority": 3}})
    does = Policy.model_validate({"schema": 1, "name": "other", "decoding": {"top_k": 3}})
    assert phenotype_key(named) == phenotype_key(PASSTHROUGH)
    assert phenotype_key(does) != phenotype_key(PASSTHROUGH)
