"""A genome together with the policy it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Self

from proxy.policy.schema import Policy
from tuner.genome import Genome, to_policy
from tuner.space import Space

Way = Literal[
    "base", "seed", "hypercube", "cross", "mutation", "drawn", "immigrant",
    "rephrase", "merge", "reflect"
]  # fmt: skip
"""How a genome came about; a cross is always mutated as well, one is drawn gene by gene from what
many have shown, and the last three are a writer's."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a candidate comes from, for reports: the search itself does not look at it.

    Args:
        way: how its genome came about.
        parents: keys, the mother first; one where both are the same, none for founders. For one
            that was drawn, the survivor that it resembles most.
    """

    way: Way
    parents: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the journal."""
        return {"way": self.way, "parents": list(self.parents)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to measure; two candidates with the same key do the same.

    Args:
        key: of the phenotype.
        genome: canonical.
        policy: what is applied.
        origin: where it comes from; no part of what it is.
    """

    key: str
    genome: Genome
    policy: Policy
    origin: Origin = field(default=Origin("base"), compare=False)

    @classmethod
    def of(
        cls, genome: Genome, space: Space, base: Policy, origin: Origin = Origin("base")
    ) -> Self:
        """The candidate that a canonical genome means on top of the base policy."""
        policy = to_policy(genome, space, base, name="candidate")
        return cls(policy.phenotype, genome, policy, origin)
