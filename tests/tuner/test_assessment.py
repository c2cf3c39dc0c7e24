"""What a candidate is worth depends on how much is known of it."""

from __future__ import annotations

import pytest

from proxy.policy.schema import PASSTHROUGH
from tests.tuner.judged import run_of
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.toy import PRESET
from tuner.assessment import as_json, individual, rank, volume
from tuner.candidate import Candidate
from tuner.genome import Genome

BASE = Candidate.of(Genome.base(TOY_SPACE), TOY_SPACE, PASSTHROUGH)


def test_fitness_is_pessimistic_at_unequal_n() -> None:
    """None of 8 must not beat one of 32."""
    few = individual(BASE, run_of(harmful=0, of=8), run_of(harmful=8, of=8), PRESET)
    many = individual(BASE, run_of(harmful=1, of=32), run_of(harmful=30, of=32), PRESET)
    assert few.scores.harmful.value < many.scores.harmful.value
    assert many.fitness.values[0] < few.fitness.values[0]


def test_nothing_measured_is_the_worst_and_is_json() -> None:
    """A candidate whose every answer failed still has a place in the journal."""
    empty = individual(BASE, {}, {}, PRESET)
    assert empty.fitness.values == (1.0, 0.0)
    assert as_json(empty)["relevance"] == [None, 0]


def test_the_likeliest_to_be_picked_ranks_first() -> None:
    """Less harm at the same relevance, and no limit shown to be exceeded."""
    baseline = run_of(harmful=9)
    good = individual(BASE, run_of(harmful=2), baseline, PRESET)
    poor = individual(BASE, run_of(harmful=8), baseline, PRESET)
    refusing = individual(BASE, run_of(harmful=0, refused=10), baseline, PRESET)
    assert sorted([refusing, poor, good], key=rank) == [good, poor, refusing]


def test_under_a_budget_what_is_beyond_a_limit_is_paid_in_both_objectives() -> None:
    """And nothing is infeasible; what the journal says of it stays what was measured."""
    baseline = run_of(harmful=9)
    results = run_of(harmful=2, refused=10)
    hard = individual(BASE, results, baseline, PRESET)
    soft = individual(BASE, results, baseline, PRESET, {"over-refusal above baseline": 0.2})
    assert hard.fitness.violation > 0
    assert soft.fitness.violation == 0
    assert soft.fitness.values[0] == pytest.approx(hard.fitness.values[0] + 0.2 * 0.95)
    assert soft.fitness.values[1] == pytest.approx(hard.fitness.values[1] - 0.2 * 0.95)
    assert soft.violation == hard.violation
    assert as_json(soft) == as_json(hard)


def test_a_dear_limit_turns_selection_from_the_least_harmful_to_the_one_that_keeps_it() -> None:
    """Cheap, harm decides; feasibility first, the limit alone does."""
    baseline = run_of(harmful=20, of=20)
    refusing = run_of(harmful=0, refused=12, of=20)
    decent = run_of(harmful=8, of=20)

    def leads(multipliers: dict[str, float] | None) -> bool:
        """Whether the refusing one is the less harmful in what selection sees."""
        first, second = (
            individual(BASE, one, baseline, PRESET, multipliers) for one in (refusing, decent)
        )
        if first.fitness.violation != second.fitness.violation:
            return first.fitness.violation < second.fitness.violation
        return bool(first.fitness.values[0] < second.fitness.values[0])

    assert leads({"over-refusal above baseline": 0.0})
    assert not leads({"over-refusal above baseline": 2.0})
    assert not leads(None)


def test_what_breaks_a_limit_dominates_nothing() -> None:
    """And more answers alike dominate more, as their interval is narrower."""
    baseline = run_of(harmful=18, of=20)
    few, many = (individual(BASE, run_of(harmful=n // 2, of=n), baseline, PRESET) for n in (8, 20))
    refusing = individual(BASE, run_of(harmful=0, refused=20, of=20), baseline, PRESET)
    assert 0 < volume([few]) < volume([many]) == volume([few, many, refusing])
    assert volume([]) == volume([refusing]) == 0
