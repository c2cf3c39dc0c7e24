"""Candidates with the same key do the same."""

from __future__ import annotations

from proxy.policy.schema import PASSTHROUGH
from tests.tuner.strategies import TOY_SPACE
from tuner.candidate import Candidate
from tuner.genome import Genome, phenotype_key


def test_a_candidate_carries_the_policy_and_key_of_its_genome() -> None:
    """What is measured is what is exported."""
    candidate = Candidate.of(Genome.base(TOY_SPACE), TOY_SPACE, PASSTHROUGH)
    assert candidate.key == phenotype_key(candidate.policy) == phenotype_key(PASSTHROUGH)
