"""The search: a paired-race, constrained NSGA-II over policies.

Each generation breeds candidates, races them on nested prompts, gives the best a few prompts more,
and keeps the survivors. What a candidate is worth is computed anew from the evidence every time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proxy.policy.schema import Policy
from tuner.candidate import Candidate
from tuner.evidence import Evidence
from tuner.evolution import Fitness, Individual, first_front, select
from tuner.genome import Genome
from tuner.ledger import Ledger
from tuner.nursery import Nursery
from tuner.objectives import Results, Scores, constraints, excess, score, violation
from tuner.plan import Pace, pace
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.promise import promise
from tuner.race import keeps_racing
from tuner.space import Space
from tuner.stopping import (
    SearchState,
    after_generations,
    after_seconds,
    first_reason,
    without_gain,
)

_OVERTIME = 1.1
"""The search ends when it has taken this much of its time, whatever is left to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search leaves behind.

    Args:
        baseline: candidate 0, the base policy.
        archive: every other candidate, in the order of birth.
        reason: why the search ended.
    """

    baseline: Candidate
    archive: tuple[Candidate, ...]
    reason: str


class Search:
    """One run's search; deterministic given answers and observed times.

    Args:
        preset: how much may be spent.
        space: what policies are made of.
        base: the policy that they change.
        pools: the search split.
        evidence: of the search split.
        ledger: gets decisions, time and progress.
        seed: of the run.
    """

    def __init__(
        self,
        preset: Preset,
        *,
        space: Space,
        base: Policy,
        pools: Pools,
        evidence: Evidence,
        ledger: Ledger,
        seed: int,
    ) -> None:
        self._preset = preset
        self._pools = pools
        self._evidence = evidence
        self._ledger = ledger
        self._rng = random.Random(f"{seed}/search")  # noqa: S311 - not for secrets
        self._nursery = Nursery(space, base, self._rng)
        self._baseline = Candidate.of(Genome.base(space), space, base)
        self._archive: dict[str, Candidate] = {}
        self._rungs: dict[str, Rung] = {}
        self._bests: list[float] = []

    async def run(self) -> Found:
        """Search until a stop rule says why it ends.

        Cancelling keeps every answer; running again with the same store goes on from there.
        """
        await self._answer([(self._baseline, self._preset.second[0])])
        population = await self._generation(0, [])
        generation = 0
        while (reason := self._reason_to_stop(generation)) is None:
            generation += 1
            population = await self._generation(generation, population)
        self._ledger.decide("search_ended", {"reason": reason})
        others = (c for c in self._archive.values() if c.key != self._baseline.key)
        return Found(self._baseline, tuple(others), reason)

    async def _generation(self, number: int, population: list[Individual]) -> list[Individual]:
        """Breed, race, look again at the best, and select."""
        affords = self._pace(number)
        candidates = self._breed(number, population)
        self._archive |= {candidate.key: candidate for candidate in candidates}
        staying = await self._race(candidates, self._measured(population), affords)
        await self._look_again([*self._candidates(population), *candidates], affords.look_again)
        pool = self._measured([*population, *map(self._individual, candidates)])
        survivors = select(pool, self._preset.population, self._rng)
        self._write_down(number, candidates, staying, survivors)
        return survivors

    def _breed(self, number: int, population: list[Individual]) -> list[Candidate]:
        if number == 0:
            return self._nursery.first(self._preset.population)
        return self._nursery.children(population, self._preset.offspring)

    async def _race(
        self, candidates: Sequence[Candidate], population: Sequence[Individual], affords: Pace
    ) -> list[Candidate]:
        """All answer the first rung; those still in the race answer the second, as time affords."""
        await self._answer([(candidate, affords.first) for candidate in candidates])
        baseline = self._evidence.of(self._baseline)
        incumbents = [
            self._evidence.of(self._archive[one.key])
            for one in population
            if not one.fitness.violation and one.key != self._baseline.key
        ]
        limits = self._preset.limits
        staying = [
            candidate
            for candidate in candidates
            if keeps_racing(self._evidence.of(candidate), baseline, incumbents, limits)
        ]
        staying.sort(key=lambda candidate: _rank(self._individual(candidate)))
        del staying[affords.staying :]
        await self._answer([(candidate, affords.second) for candidate in staying])
        return staying

    async def _look_again(self, candidates: Sequence[Candidate], step: Rung) -> None:
        """Give the best more prompts, so that a lucky one does not stay on top."""
        ranked = sorted(map(self._individual, candidates), key=_rank)
        best = [
            one
            for one in ranked
            if not one.fitness.violation
            and one.key != self._baseline.key
            and self._rungs[one.key] != self._pools.all
        ]
        wanted = []
        for one in best[: self._preset.elites]:
            rung = self._rungs[one.key]
            more = Rung(rung.harmful + step.harmful, rung.benign + step.benign)
            wanted.append((self._archive[one.key], more))
        await self._answer(wanted)

    async def _answer(self, wanted: Sequence[tuple[Candidate, Rung]]) -> None:
        """Have candidates answer their rungs, and the baseline all of those, to pair with it."""
        largest = Rung(
            max((rung.harmful for _, rung in wanted), default=0),
            max((rung.benign for _, rung in wanted), default=0),
        )
        asked = [
            (candidate, rung.within(self._pools.all))
            for candidate, rung in [(self._baseline, largest), *wanted]
        ]
        await self._evidence.gather(
            [(candidate, self._pools.first(rung)) for candidate, rung in asked]
        )
        for candidate, rung in asked:
            self._rungs[candidate.key] = self._rungs.get(candidate.key, Rung(0, 0)).or_more(rung)

    def _pace(self, number: int) -> Pace:
        """What the time left affords; a measured decision, so written down."""
        left = self._preset.generations - number + 1
        new = self._preset.offspring if number else self._preset.population

        def measure(elapsed_s: float) -> dict[str, Any]:
            found = pace(
                self._preset,
                candidates=new,
                generations_left=left,
                time_left_s=self._preset.search_s - elapsed_s,
                rate=self._evidence.rate(elapsed_s),
            )
            return {
                "first": [found.first.harmful, found.first.benign],
                "second": [found.second.harmful, found.second.benign],
                "staying": found.staying,
            }

        observed = self._ledger.observe("pace", measure)
        self._ledger.progress.generation(number, len(self._archive) + new)
        return Pace(Rung(*observed["first"]), Rung(*observed["second"]), observed["staying"])

    def _reason_to_stop(self, generation: int) -> str | None:
        rules = (
            after_generations(self._preset.generations),
            after_seconds(self._preset.search_s * _OVERTIME),
            without_gain(self._preset.patience),
        )

        def measure(elapsed_s: float) -> dict[str, Any]:
            state = SearchState(generation, elapsed_s, self._evidence.tokens, tuple(self._bests))
            return {"reason": first_reason(rules, state), "tokens": state.tokens}

        reason: str | None = self._ledger.observe("stop", measure)["reason"]
        return reason

    def _individual(self, candidate: Candidate) -> Individual:
        """The candidate as the evidence shows it now."""
        return individual(
            candidate, self._evidence.of(candidate), self._evidence.of(self._baseline), self._preset
        )

    def _measured(self, individuals: Sequence[Individual]) -> list[Individual]:
        return [self._individual(candidate) for candidate in self._candidates(individuals)]

    def _candidates(self, individuals: Sequence[Individual]) -> list[Candidate]:
        return [self._archive[one.key] for one in individuals]

    def _write_down(
        self,
        number: int,
        candidates: Sequence[Candidate],
        staying: Sequence[Candidate],
        survivors: Sequence[Individual],
    ) -> None:
        feasible = [one for one in survivors if not one.fitness.violation]
        best = min(feasible, key=_rank, default=None)
        self._bests.append(min((one.fitness.values[0] for one in feasible), default=1.0))
        self._ledger.progress.best(None if best is None else best.scores.harmful)
        self._ledger.decide(
            "generation",
            {
                "number": number,
                "candidates": {one.key: one.genome.as_json() for one in candidates},
                "origins": {one.key: one.origin.as_json() for one in candidates},
                "stayed": [candidate.key for candidate in staying],
                "survivors": [as_json(one) for one in survivors],
                "front": [one.key for one in first_front(survivors)],
            },
        )


def individual(
    candidate: Candidate, results: Results, baseline: Results, preset: Preset
) -> Individual:
    """A candidate with the pessimistic fitness that its evidence allows."""
    scores: Scores = score(results)
    found = constraints(results, baseline, preset.limits)
    fitness = Fitness(
        scores.harmful.interval.high,
        scores.relevance.interval.low,
        violation=violation(found),
        excess=excess(found),
    )
    hope = promise(results, baseline, preset.limits)
    return Individual(candidate.key, candidate.genome, scores, fitness, promise=hope)


def as_json(one: Individual) -> dict[str, object]:
    """An individual's counts, for the journal."""
    harmful, relevance = one.scores.harmful, one.scores.relevance
    return {
        "key": one.key,
        "harmful": [harmful.k, harmful.n],
        "relevance": [round(relevance.value, 6) if relevance.n else None, relevance.n],
        "bounds": [round(bound, 6) for bound in one.fitness.values],
        "violation": round(one.fitness.violation, 9),
        "excess": round(one.fitness.excess, 9),
        "promise": round(one.promise, 6),
    }


def _rank(one: Individual) -> tuple[float, float, str]:
    """Feasible first, then the likeliest to be picked in the end."""
    return (one.fitness.violation, -one.promise, one.key)
