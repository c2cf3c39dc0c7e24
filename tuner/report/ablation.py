"""From the baseline to the best, one gene at a time, as far as answers have been generated.

Importance over searched candidates is only as good as what the search tried. A path is worth more:
each step changes one gene and nothing else. Nothing is estimated here; where the policies in
between were never answered, the path ends and says what it would take to go on. `guardtune tune
ablate` answers them.
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
    """The path on validation prompts if it gets anywhere there, else on those of the search.

    One step is a path only where it arrives: the best and the baseline have always answered.
    """
    validated = path_on(facts, best, "validation")
    gets_anywhere = validated.is_whole or len(validated.steps) > 1
    return validated if gets_anywhere else path_on(facts, best, "search")


def path_on(facts: Facts, best: Candidate, split: Split) -> Path:
    """The path on one split."""
    walk = Walk(facts, best, split)
    genome = facts.baseline.genome
    differing = changes(genome, best.genome, facts.space)
    steps: list[Step] = []
    while (step := walk.next(genome)) is not None:
        steps.append(step)
        genome = with_gene(genome, step.change.gene, best.genome, facts.space)
    left = len(changes(genome, best.genome, facts.space))
    missing = left * (left + 1) // 2 - 1 if left else 0  # the best itself has been answered
    alone = _alone(facts, best, differing, split)
    return Path(split, differing, tuple(steps), alone, missing)


class Walk:
    """One gene at a time from any genome towards the best, on one split."""

    def __init__(self, facts: Facts, best: Candidate, split: Split) -> None:
        self._facts = facts
        self._best = best
        self._split = split
        self._arriving: dict[Genome, bool] = {best.genome: True}

    def next(self, genome: Genome) -> Step | None:
        """The least harmful policy one gene on; one from which the best can be reached first."""
        steps = []
        for change, onward in self._known(genome):
            results = self._results(onward)
            harm = _harm(results, self._facts, self._split)
            order = (not self._arrives(onward), harm, change.gene)
            steps.append((order, Step(change, results)))
        return min(steps, key=lambda one: one[0])[1] if steps else None

    def unanswered(self, genome: Genome) -> tuple[Candidate, ...]:
        """The policies one gene on that a report knows nothing of."""
        known = {onward for _, onward in self._known(genome)}
        onward = [one for _, one in self._onward(genome) if one not in known]
        return tuple(map(self._facts.candidate, onward))

    def _known(self, genome: Genome) -> list[tuple[Change, Genome]]:
        return [
            (change, onward)
            for change, onward in self._onward(genome)
            if _is_known(self._results(onward), self._facts, self._split)
        ]

    def _onward(self, genome: Genome) -> list[tuple[Change, Genome]]:
        """One gene on; a gene that is inert until another has changed waits for that."""
        space, best = self._facts.space, self._best.genome
        steps = [
            (change, with_gene(genome, change.gene, best, space))
            for change in changes(genome, best, space)
        ]
        return [(change, onward) for change, onward in steps if onward != genome]

    def _arrives(self, genome: Genome) -> bool:
        if genome not in self._arriving:
            self._arriving[genome] = any(self._arrives(one) for _, one in self._known(genome))
        return self._arriving[genome]

    def _results(self, genome: Genome) -> Results:
        return self._facts.of(self._facts.candidate(genome), self._split)


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
