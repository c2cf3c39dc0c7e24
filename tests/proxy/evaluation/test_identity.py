"""The same policy, whatever it is called."""

from __future__ import annotations

from proxy.evaluation.identity import MAX_REMEMBERED, phenotype_key
from proxy.policy.schema import PASSTHROUGH, Policy


def test_a_policy_is_what_it_does() -> None:
    """Name, description and match do not count; text and settings do."""
    named = Policy.model_validate({"schema": 1, "name": "other", "match": {"priority": 3}})
    does = Policy.model_validate({"schema": 1, "name": "other", "decoding": {"top_k": 3}})
    assert phenotype_key(named) == phenotype_key(PASSTHROUGH)
    assert phenotype_key(does) != phenotype_key(PASSTHROUGH)


def test_a_key_is_remembered_for_the_policy_itself() -> None:
    """Not for another one that comes to lie where it was."""
    made = [
        Policy.model_validate({"schema": 1, "name": "p", "decoding": {"max_tokens": 1 + number}})
        for number in range(MAX_REMEMBERED + 10)
    ]
    keys = [phenotype_key(policy) for policy in made]
    assert len(set(keys)) == len(made)
    assert [phenotype_key(policy) for policy in made] == keys
