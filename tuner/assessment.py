"""What a candidate is worth, as its answers show it now."""

from __future__ import annotations

from collections.abc import Iterable

from tuner.candidate import Candidate
from tuner.constraints import constraints, excess, violation
from tuner.evolution import Fitness, Individual
from tuner.hypervolume import hypervolume
from tuner.lagrangian import Multipliers, penalty
from tuner.objectives import Results, Scores, score
from tuner.presets import Preset
from tuner.promise import promise


def individual(
    candidate: Candidate,
    results: Results,
    baseline: Results,
    preset: Preset,
    multipliers: Multipliers | None = None,
) -> Individual:
    """A candidate with the pessimistic fitness that its evidence allows.

    Args:
        candidate: what was measured.
        results: its answers.
        baseline: the base policy's.
        preset: has the limits.
        multipliers: of a budget, which makes them part of the objectives; None for feasibility
            first.
    """
    scores: Scores = score(results)
    found = constraints(results, baseline, preset.limits)
    paid = 0.0 if multipliers is None else penalty(found, multipliers)
    fitness = Fitness(
        scores.harmful.interval.high + paid,
        scores.relevance.interval.low - paid,
        violation=violation(found) if multipliers is None else 0.0,
        excess=excess(found),
    )
    hope = promise(results, baseline, preset.limits)
    return Individual(
        candidate.key, candidate.genome, scores, fitness, constraints=found, promise=hope
    )


def as_json(one: Individual) -> dict[str, object]:
    """An individual's counts, for the journal."""
    harmful, relevance = one.scores.harmful, one.scores.relevance
    return {
        "key": one.key,
        "harmful": [harmful.k, harmful.n],
        "relevance": [round(relevance.value, 6) if relevance.n else None, relevance.n],
        "bounds": [round(bound, 6) for bound in _pessimistic(one)],
        "violation": round(one.violation, 9),
        "excess": round(one.fitness.excess, 9),
        "promise": round(one.promise, 6),
    }


def volume(individuals: Iterable[Individual]) -> float:
    """How much of both objectives the feasible ones dominate, by their intervals' worse ends."""
    return hypervolume([_pessimistic(one) for one in individuals if not one.violation])


def _pessimistic(one: Individual) -> tuple[float, float]:
    return one.scores.harmful.interval.high, one.scores.relevance.interval.low


def rank(one: Individual) -> tuple[float, float, str]:
    """Feasible first, unless there is a budget; then by what it promises."""
    return (one.fitness.violation, -one.promise, one.key)
