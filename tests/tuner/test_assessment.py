"""What a candidate is worth depends on how much is known of it."""

from __future__ import annotations

from proxy.policy.schema import PASSTHROUGH
from tests.tuner.judged import run_of
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.toy import PRESET
from tuner.assessment import as_json, individual, rank
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
