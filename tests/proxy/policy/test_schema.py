"""A policy's content and identity."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.source import dump_policy
from tests.proxy.policy.policy_examples import make_policy
from tests.proxy.policy.policy_strategies import policies

EXAMPLE: dict[str, Any] = {
    "description": "Identity must outlive versions.",
    "match": {"models": ["smollm2*"], "priority": 10},
    "rollout": {"share": 0.1},
    "system_prompt": {"text": "Be careful, señor.", "placement": "append"},
    "demonstrations": [{"user": "Hello", "assistant": "Good day."}],
    "decoding": {"temperature": 0.4, "max_tokens": {"default": 256, "max": 512}, "stop": "END"},
}
EXAMPLE_SHA = "81fa4309ab75"


def test_the_identity_never_changes() -> None:
    """If this fails, every stored measurement has lost its policy: keep the old identity."""
    assert str(make_policy("example", **EXAMPLE).ref) == f"example@{EXAMPLE_SHA}"


def test_the_identity_is_the_same_in_every_process() -> None:
    """String hashing is seeded anew in each process; the identity does not depend on it."""
    code = (
        "import sys, yaml; from proxy.policy.schema import Policy;"
        "print(Policy.model_validate(yaml.safe_load(sys.stdin.read())).sha)"
    )
    text = dump_policy(make_policy("example", **EXAMPLE))
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONUTF8": "1"},
    )
    assert done.stdout.strip() == EXAMPLE_SHA


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"decoding": {"temperature": 1}}, {"decoding": {"temperature": 1.0}}),
        ({"match": {"priority": 0}}, {}),
        ({"decoding": {}}, {}),
        (
            {"system_prompt": {"text": "a", "placement": "prepend"}},
            {"system_prompt": {"text": "a\n"}},
        ),
        ({"decoding": {"stop": ["x"]}}, {"decoding": {"stop": "x"}}),
        (
            {"decoding": {"top_p": 0.9, "temperature": 0.5}},
            {"decoding": {"temperature": 0.5, "top_p": 0.9}},
        ),
    ],
)
def test_spelling_is_no_part_of_the_identity(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two ways to say the same are the same policy."""
    assert make_policy(**one).sha == make_policy(**other).sha


@pytest.mark.parametrize(
    "part",
    [
        {"description": "x"},
        {"match": {"priority": 1}},
        {"rollout": {"share": 1.0}},
        {"system_prompt": {"text": "a"}},
        {"demonstrations": [{"user": "a", "assistant": "b"}]},
        {"decoding": {"temperature": 1.0}},
        {"decoding": {"temperature": {"default": 1.0}}},
        {"decoding": {"temperature": {"max": 1.0}}},
    ],
)
def test_whatever_a_policy_says_is_part_of_the_identity(part: dict[str, Any]) -> None:
    """Another content is another policy, also where only the form of a rule differs."""
    assert make_policy(**part).sha != make_policy().sha


@given(policies())
def test_the_order_of_keys_is_no_part_of_the_identity(policy: Policy) -> None:
    """For any policy, shuffled at its top level."""
    data = list(policy.model_dump(mode="json", exclude_defaults=True).items())
    random.Random(7).shuffle(data)
    assert Policy.model_validate(dict(data)).sha == policy.sha


def test_a_policy_cannot_be_changed() -> None:
    """A snapshot is shared by all requests."""
    with pytest.raises(ValidationError):
        PASSTHROUGH.name = "other"  # type: ignore[misc]  # that is the point


def test_a_policy_survives_pickling() -> None:
    """The tuner hands policies to other processes."""
    policy = make_policy("example", **EXAMPLE)
    again = pickle.loads(pickle.dumps(policy))
    assert again == policy
    assert hash(again) == hash(policy)


def test_passthrough_says_nothing() -> None:
    """It has a name and no content."""
    assert PASSTHROUGH.content() == {"schema": 1, "name": "passthrough"}
    assert not PASSTHROUGH.sets_prompt


@pytest.mark.parametrize("given_schema", [2, True, "1", 1.0])
def test_another_schema_is_refused(given_schema: object) -> None:
    """Only the number 1 is schema 1."""
    with pytest.raises(ValidationError):
        Policy.model_validate({"schema": given_schema, "name": "a"})


def test_a_phenotype_is_what_a_policy_does() -> None:
    """Name, description and match do not count; text and settings do."""
    named = Policy.model_validate({"schema": 1, "name": "other", "match": {"priority": 3}})
    does = Policy.model_validate({"schema": 1, "name": "other", "decoding": {"top_k": 3}})
    assert named.phenotype == PASSTHROUGH.phenotype
    assert does.phenotype != PASSTHROUGH.phenotype
