"""The search: a paired-race, constrained NSGA-II over policies.

Each generation breeds candidates, races them on nested prompts, gives the best a few prompts more,
and keeps the survivors. What a candidate is worth is computed anew from the evidence every time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.assessment import as_json, individual, rank, volume
from tuner.candidate import Candidate
from tuner.coverage import refuse_irrelevant
from tuner.evidence import Evidence
from tuner.evolution import Individual, first_front, select
from tuner.lagrangian import Handling, Multipliers, mean_gaps, updated
from tuner.ledger import Ledger
from tuner.limit_wording import broken_by_baseline
from tuner.nursery import Nursery
from tuner.outlook import Outlook, Spent, about
from tuner.plan import OVERTIME, Pace, bearable, pace
from tuner.pools import Pools
from tuner.presets import Preset, Rung
from tuner.race import why_dropped
from tuner.speed import Speed
from tuner.stopping import (
    SearchState,
    StopRule,
    after_generations,
    after_seconds,
    after_tokens,
    first_reason,
    on_file,
    without_gain,
)
from tuner.writing.scribe import Scribe

_FORESEEN = (0, 2)
"""Generations before which people are told what the run will take: as soon as there is a speed, and
once it is that of candidates and not of the base policy alone."""

NO_TIME = "no time left for it"
"""Why a candidate was dropped that stood in the race."""

NO_TOKENS = "no tokens left for it"
"""Likewise, under a limit on tokens."""

UNAFFORDABLE = frozenset({NO_TIME, NO_TOKENS})
"""Reasons that say nothing of a candidate."""

_NOTHING = Rung(0, 0)


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
        nursery: where candidates come from.
        races: whether candidates race; otherwise all answer the least of a second rung.
        tokens: the most that the search may take. What is asked is held against it as if every
            answer were as long as may be, so it is never exceeded by answers; None for no limit.
        handling: how limits are treated.
        stop_file: ends the search at the end of a generation, once it is there; None for none.
        pools: the search split.
        evidence: of the search split.
        ledger: gets decisions, time and progress.
        rng: the run's own generator, the nursery's too.
        scribe: has texts written for each generation; None where nobody writes.
        outlook: says what the run will take; None where nobody asks.
    """

    def __init__(
        self,
        preset: Preset,
        *,
        nursery: Nursery,
        races: bool,
        tokens: int | None = None,
        handling: Handling = "feasibility",
        stop_file: Path | None = None,
        pools: Pools,
        evidence: Evidence,
        ledger: Ledger,
        rng: random.Random,
        scribe: Scribe | None = None,
        outlook: Outlook | None = None,
    ) -> None:
        self._scribe = scribe
        self._outlook = outlook
        self._preset = preset
        self._nursery = nursery
        self._races = races
        self._tokens = tokens
        self._multipliers: Multipliers | None = {} if handling == "lagrangian" else None
        self._stop_file = stop_file
        self._pools = pools
        self._evidence = evidence
        self._ledger = ledger
        self._rng = rng
        self._baseline = nursery.baseline
        self._archive: dict[str, Candidate] = {}
        self._rungs: dict[str, Rung] = {}
        self._gains: list[float] = []
        self._founded = (0.0, 0)  # when the founders were done, and answers until then
        self._assessed: dict[str, tuple[tuple[int, int], Individual]] = {}

    async def run(self) -> Found:
        """Search until a stop rule says why it ends.

        Cancelling keeps every answer; running again with the same store goes on from there.

        Raises:
            JudgeError: no answer's relevance is known, so nothing could ever be picked.
        """
        await self._answer([(self._baseline, self._preset.second[0])])
        refuse_irrelevant(self._evidence.of(self._baseline))
        for line in broken_by_baseline(self._individual(self._baseline).constraints):
            self._ledger.progress.say(line)
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
        if number and self._scribe is not None:
            await self._scribe.write(population)
        affords = self._pace(number)
        bred = self._breed(number, population, affords)
        candidates = await self._answer([(candidate, affords.first) for candidate in bred])
        self._archive |= {candidate.key: candidate for candidate in candidates}
        dropped: dict[str, str] = {}
        if self._races:
            dropped = await self._race(candidates, self._measured(population), affords)
            everyone = [*self._candidates(population), *candidates]
            await self._look_again(everyone, affords.look_again)
        pool = self._measured([*population, *map(self._individual, candidates)])
        survivors = select(pool, self._preset.population, self._rng)
        self._nursery.learn(pool[len(population) :])
        self._gains.append(volume(survivors) - volume(pool[: len(population)]))
        self._write_down(number, candidates, dropped, survivors)
        self._adapt(number, survivors)
        return survivors

    def _adapt(self, number: int, survivors: Sequence[Individual]) -> None:
        """Under a budget, let what limits cost follow how the survivors stand to them."""
        if self._multipliers is None:
            return
        gaps = mean_gaps(one.constraints for one in survivors)
        self._multipliers = updated(self._multipliers, gaps)
        self._assessed.clear()
        self._ledger.decide("multipliers", {"number": number, "values": self._multipliers})

    def _breed(self, number: int, population: list[Individual], affords: Pace) -> list[Candidate]:
        """As many as a generation has, or as the tokens left allow to race as planned for."""
        if number == 0:  # the base policy, which is one of them, has answered already
            return self._nursery.first(min(self._preset.population, 1 + self._bearable(affords)))
        count = min(self._preset.offspring, self._bearable(affords))
        return self._nursery.children(population, count)

    def _bearable(self, affords: Pace) -> int:
        if self._tokens is None:
            return self._preset.candidates
        first, second = (rung.within(self._pools.all) for rung in (affords.first, affords.second))
        return bearable(self._affordable, first, second, races=self._races)

    async def _race(
        self, candidates: Sequence[Candidate], population: Sequence[Individual], affords: Pace
    ) -> dict[str, str]:
        """Those worth it answer the second rung, as time affords; the others by key, with why."""
        baseline = self._evidence.of(self._baseline)
        incumbents = [
            self._evidence.of(self._archive[one.key])
            for one in population
            if not one.violation and one.key != self._baseline.key
        ]
        limits, is_budget = self._preset.limits, self._multipliers is not None
        dropped, staying = {}, []
        for candidate in candidates:
            results = self._evidence.of(candidate)
            why = why_dropped(results, baseline, incumbents, limits, is_budget=is_budget)
            if why is None:
                staying.append(candidate)
            else:
                dropped[candidate.key] = why
        staying.sort(key=lambda candidate: rank(self._individual(candidate)))
        timely = [
            candidate
            for place, candidate in enumerate(staying)
            if place < affords.staying
            or (self._preset.seeds_stay and candidate.origin.way == "seed")
        ]
        answered = await self._answer([(candidate, affords.second) for candidate in timely])
        asked, reached = ({one.key for one in some} for some in (timely, answered))
        dropped |= {one.key: NO_TIME for one in staying if one.key not in asked}
        dropped |= {one.key: NO_TOKENS for one in timely if one.key not in reached}
        return dropped

    async def _look_again(self, candidates: Sequence[Candidate], step: Rung) -> None:
        """Give the best more prompts, so that a lucky one does not stay on top."""
        ranked = sorted(map(self._individual, candidates), key=rank)
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

    async def _answer(self, wanted: Sequence[tuple[Candidate, Rung]]) -> list[Candidate]:
        """Have candidates answer their rungs, and the baseline all of those, to pair with it.

        Returns:
            Those that did; the others might have needed more tokens than are left.
        """
        rungs, left = dict(self._rungs), self._affordable
        asked = {self._baseline.key: self._baseline}
        answered = []
        for candidate, rung in wanted:
            ends = {
                one.key: rungs.get(one.key, _NOTHING).or_more(rung.within(self._pools.all))
                for one in (self._baseline, candidate)
            }
            cost = sum(end.prompts - rungs.get(key, _NOTHING).prompts for key, end in ends.items())
            if cost > max(0, left):
                continue
            left -= cost
            rungs |= ends
            asked[candidate.key] = candidate
            answered.append(candidate)
        self._rungs = rungs
        await self._evidence.gather(
            [(one, self._pools.first(rungs.get(key, _NOTHING))) for key, one in asked.items()]
        )
        return answered

    @property
    def _affordable(self) -> float:
        """How many answers may still be asked for, whatever their length."""
        if self._tokens is None:
            return math.inf
        return (self._tokens - self._used) // self._preset.max_tokens

    @property
    def _used(self) -> int:
        """Tokens generated so far, those of written texts included."""
        return self._evidence.tokens + (0 if self._scribe is None else self._scribe.tokens)

    def _pace(self, number: int) -> Pace:
        """What the time left affords; a measured decision, so written down."""
        left = self._preset.generations - number + 1
        new = self._preset.offspring if number else self._preset.population

        def measure(elapsed_s: float) -> dict[str, Any]:
            self._foresee(number, elapsed_s)
            if not self._races:
                same = self._preset.second[0]
                return _as_json(Pace(same, same, new))
            found = pace(
                self._preset,
                candidates=new,
                generations_left=left,
                time_left_s=self._preset.search_s - elapsed_s,
                rate=self._evidence.rate(elapsed_s),
            )
            return _as_json(found)

        observed = self._ledger.observe("pace", measure)
        self._ledger.progress.generation(number, len(self._archive) + new)
        return Pace(Rung(*observed["first"]), Rung(*observed["second"]), observed["staying"])

    def _foresee(self, number: int, elapsed_s: float) -> None:
        """Tell what the run will take; no decision depends on it, so it is not written down."""
        if self._outlook is None:
            return
        answers = sum(rung.prompts for rung in self._rungs.values())
        speed = self._speed(number, elapsed_s, answers)
        so_far = Spent(elapsed_s, len(self._archive), answers, self._used)
        end = self._outlook.at_end(number, so_far, speed)
        self._ledger.progress.expects(end.seconds)
        if number in _FORESEEN:
            self._ledger.progress.say(
                f"At {speed.answers_per_s:.2g} answers a second of {speed.tokens_per_answer:.0f} "
                f"tokens, as measured so far, the run takes about {end.seconds / 60:.1f} minutes, "
                f"{end.candidates} candidates, {about(end.answers)} answers and "
                f"{about(end.tokens)} tokens, if nothing ends the search earlier."
            )

    def _speed(self, number: int, elapsed_s: float, answers: int) -> Speed:
        """Without the founders, which are the slowest, once there are others to tell by."""
        before_s, before = self._founded
        if number == 1:
            self._founded = (elapsed_s, answers)
        took_s = max(elapsed_s - before_s, 1e-3)
        rate = min(max(1, answers - before) / took_s, self._evidence.rate(took_s))
        return Speed(rate, self._evidence.tokens / answers)

    def _reason_to_stop(self, generation: int) -> str | None:
        rules: list[StopRule] = [
            after_generations(self._preset.generations),
            after_seconds(self._preset.search_s * OVERTIME),
            without_gain(self._preset.patience),
        ]
        if self._stop_file is not None:
            rules.insert(0, on_file(self._stop_file))
        if self._tokens is not None:
            rules.append(
                after_tokens(self._tokens, least=self._preset.least_tokens(races=self._races))
            )

        def measure(elapsed_s: float) -> dict[str, Any]:
            state = SearchState(generation, elapsed_s, self._used, tuple(self._gains))
            return {"reason": first_reason(rules, state), "tokens": state.tokens}

        reason: str | None = self._ledger.observe("stop", measure)["reason"]
        if self._stop_file is not None and reason is not None:
            self._stop_file.unlink(missing_ok=True)
        return reason

    def _individual(self, candidate: Candidate) -> Individual:
        """The candidate as the evidence shows it now; counted anew once there is more of it."""
        results = self._evidence.of(candidate)
        baseline = self._evidence.of(self._baseline)
        extent = (len(results), len(baseline))  # answers are only ever added
        if candidate.key not in self._assessed or self._assessed[candidate.key][0] != extent:
            found = individual(candidate, results, baseline, self._preset, self._multipliers)
            self._assessed[candidate.key] = (extent, found)
        return self._assessed[candidate.key][1]

    def _measured(self, individuals: Sequence[Individual]) -> list[Individual]:
        return [self._individual(candidate) for candidate in self._candidates(individuals)]

    def _candidates(self, individuals: Sequence[Individual]) -> list[Candidate]:
        return [self._archive[one.key] for one in individuals]

    def _write_down(
        self,
        number: int,
        candidates: Sequence[Candidate],
        dropped: Mapping[str, str],
        survivors: Sequence[Individual],
    ) -> None:
        best = min((one for one in survivors if not one.violation), key=rank, default=None)
        self._ledger.progress.best(None if best is None else best.scores.harmful)
        self._ledger.decide(
            "generation",
            {
                "number": number,
                "candidates": {one.key: one.genome.as_json() for one in candidates},
                "origins": {one.key: one.origin.as_json() for one in candidates},
                "stayed": [one.key for one in candidates if one.key not in dropped],
                "dropped": dropped,
                "survivors": [as_json(one) for one in survivors],
                "front": [one.key for one in first_front(survivors)],
            },
        )


def generator(seed: int) -> random.Random:
    """A search's own source of chance, the same for a run that is started again."""
    return random.Random(f"{seed}/search")  # noqa: S311 - not for secrets


def _as_json(found: Pace) -> dict[str, Any]:
    return {
        "first": [found.first.harmful, found.first.benign],
        "second": [found.second.harmful, found.second.benign],
        "staying": found.staying,
    }
