"""Candidates with the same key do the same."""

from __future__ import annotations

from proxy.policy.schema import PASSTHROUGH
from tests.tuner.strategies import TOY_SPACE
from tuner.candidate import Candidate, Origin
from tuner.genome import Genome


def test_a_candidate_carries_the_policy_and_key_of_its_genome() -> None:
    """What is measured is what is exported."""
    candidate = Candidate.of(Genome.base(TOY_SPACE), TOY_SPACE, PASSTHROUGH)
    assert candidate.key == candidate.policy.phenotype == PASSTHROUGH.phenotype


def test_where_a_candidate_comes_from_is_no_part_of_what_it_is() -> None:
    """Twins of different parents are twins."""
    genome = Genome.base(TOY_SPACE)
    founder = Candidate.of(genome, TOY_SPACE, PASSTHROUGH)
    child = Candidate.of(genome, TOY_SPACE, PASSTHROUGH, Origin("cross", ("a", "b")))
    assert founder == child
    assert child.origin.as_json() == {"way": "cross", "parents": ["a", "b"]}
