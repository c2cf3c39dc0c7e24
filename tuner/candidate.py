"""A genome together with the policy it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from proxy.policy.schema import Policy
from tuner.genome import Genome, phenotype_key, to_policy
from tuner.space import Space


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to measure; two candidates with the same key do the same.

    Args:
        key: of the phenotype.
        genome: canonical.
        policy: what is applied.
    """

    key: str
    genome: Genome
    policy: Policy

    @classmethod
    def of(cls, genome: Genome, space: Space, base: Policy) -> Self:
        """The candidate that a canonical genome means on top of the base policy."""
        policy = to_policy(genome, space, base, name="candidate")
        return cls(phenotype_key(policy), genome, policy)
