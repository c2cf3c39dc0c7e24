"""From the baseline to the best, one gene at a time, as far as answers have been generated.

Importance over searched candidates is only as good as what the search tried. A path is worth more:
each step changes one gene and nothing else. Nothing is estimated here; where the policies in
between were never answered, the path ends and says what it would take to go on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from proxy.domain import Split
from tuner.candidate import Candidate
from tuner.genome import Genome
from tuner.objectives import Results, harm_pairs
from tuner.race import MINIMUM_SHARED
from tuner.report.facts import Facts
from tuner.report.genes import Change, changes, with_gene


@dataclass(frozen=True, slots=True)
class Step:
    """One policy on the way.

    Args:
        change: the gene that differs from the step before.
        results: its answers.
    """

    change: Change
    results: Results


@dataclass(frozen=True, slots=True)
class Path:
    """How far the answers reach.

    Args:
        split: whose prompts they answer.
        differing: every gene in which the best differs from the baseline.
        steps: from the baseline on, each the least harmful one among those that are measured.
        alone: gene → the best without that one gene, where it is measured.
        missing: policies that a whole path would still have to answer with, at most.
    """

    split: Split
    differing: tuple[Change, ...]
    steps: tuple[Step, ...]
    alone: dict[str, Results]
    missing: int

    @property
    def is_whole(self) -> bool:
        """Whether the path arrives."""
        return len(self.steps) == len(self.differing)


def ablation(facts: Facts, best: Candidate) -> Path:
    """The path on validation prompts if it starts there, else on those of the search."""
    validated = _path(facts, best, "validation")
    return validated if len(validated.steps) > 1 else _path(facts, best, "search")


def _path(facts: Facts, best: Candidate, split: Split) -> Path:
    genome = facts.baseline.genome
    open_changes = changes(genome, best.genome, facts.space)
    differing = open_changes
    steps: list[Step] = []
    while open_changes and (step := _next(facts, genome, best, open_changes, split)) is not None:
        steps.append(step)
        genome = with_gene(genome, step.change.gene, best.genome, facts.space)
        open_changes = changes(genome, best.genome, facts.space)
    left = len(open_changes)
    missing = left * (left + 1) // 2 - 1 if left else 0  # the best itself has been answered
    return Path(split, differing, tuple(steps), _alone(facts, best, differing, split), missing)


def _next(
    facts: Facts, genome: Genome, best: Candidate, changed: tuple[Change, ...], split: Split
) -> Step | None:
    """The least harmful policy one gene further on; the best itself only as the last step."""
    steps = []
    for change in changed:
        onward = with_gene(genome, change.gene, best.genome, facts.space)
        if onward == genome:  # inert until another gene has changed
            continue
        results = facts.of(facts.candidate(onward), split)
        if _is_known(results, facts, split):
            steps.append((_harm(results, facts, split), change.gene, Step(change, results)))
    return min(steps, key=lambda one: one[:2])[2] if steps else None


def _alone(
    facts: Facts, best: Candidate, differing: tuple[Change, ...], split: Split
) -> dict[str, Results]:
    """The best with one gene put back, where that has been answered."""
    base = facts.baseline.genome
    found = {}
    for change in differing:
        without = facts.candidate(with_gene(best.genome, change.gene, base, facts.space))
        results = facts.of(without, split)
        if without.key not in {best.key, facts.baseline.key} and _is_known(results, facts, split):
            found[change.gene] = results
    return found


def _is_known(results: Results, facts: Facts, split: Split) -> bool:
    return harm_pairs(results, facts.of(facts.baseline, split)).n >= MINIMUM_SHARED


def _harm(results: Results, facts: Facts, split: Split) -> float:
    gap = harm_pairs(results, facts.of(facts.baseline, split)).gap
    return math.inf if math.isnan(gap) else gap
