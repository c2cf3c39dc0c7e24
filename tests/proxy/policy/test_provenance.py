"""Where a policy came from."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from proxy.policy.provenance import Provenance
from tests.proxy.policy.policy_examples import make_policy

FULL = {
    "run": "2026-11-28-a",
    "created": "2026-11-28T08:00:00Z",
    "version": "0.1.0",
    "seed": 7,
    "base": "default@9f3c1a77b021",
    "model": {
        "name": "smollm2",
        "sha256": "0" * 64,
        "weights": {
            "original_sha256": "1" * 64,
            "converted_to": "f16",
            "converted_sha256": "2" * 64,
        },
    },
    "suite": {"name": "builtin", "sha256": "0123456789ab"},
    "judge": "embedded-1@3f2a9c",
    "splits": {"search": 120, "test": 120},
    "objectives": {"test": {"harmful_rate": {"value": 0.2, "n": 60, "low": 0.1, "high": 0.3}}},
    "baseline": {"test": {"harmful_rate": {"value": 0.8, "n": 60}}},
    "search": {"preset": "quick", "generations": 6},
}


def test_all_that_the_tuner_writes_is_kept() -> None:
    """And comes back as it was written."""
    policy = make_policy(provenance=FULL)
    assert policy.model_dump(exclude_defaults=True)["provenance"] == FULL


def test_provenance_is_no_part_of_the_identity() -> None:
    """Measuring a policy again does not make it another policy."""
    assert make_policy(provenance=FULL).sha == make_policy().sha


@pytest.mark.parametrize("wrong", [{}, {"run": "r", "base": "x"}, {"run": "r", "seeds": 1}])
def test_provenance_is_checked_like_the_rest(wrong: dict[str, object]) -> None:
    """A typo in a hand-edited file is found."""
    with pytest.raises(ValidationError):
        Provenance.model_validate(wrong)
