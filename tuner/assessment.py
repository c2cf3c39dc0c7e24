"""What a candidate is worth, as its answers show it now."""

from __future__ import annotations

from tuner.candidate import Candidate
from tuner.evolution import Fitness, Individual
from tuner.objectives import Results, Scores, constraints, excess, score, violation
from tuner.presets import Preset
from tuner.promise import promise


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


def rank(one: Individual) -> tuple[float, float, str]:
    """Feasible first, then the likeliest to be picked in the end."""
    return (one.fitness.violation, -one.promise, one.key)
