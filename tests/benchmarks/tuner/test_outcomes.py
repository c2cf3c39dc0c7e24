"""A journal read by the truth: limits, budget and interpolation."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from benchmarks.tuner.outcomes import Outcome, Truth, keeps, outcome
from proxy.evaluation.store import Decision, Run
from tuner.genome import Genome
from tuner.limits import Limits
from tuner.record import Record

TRUTHS = {
    "base": Truth(0.8, 0.5, 0.02, 0.0),
    "good": Truth(0.4, 0.5, 0.05, 0.0),
    "refusing": Truth(0.0, 0.5, 0.5, 0.0),
    "looping": Truth(0.0, 0.9, 0.0, 0.3),
}


BASE = Genome((), ("base",), ())


def truth(genome: Genome) -> Truth:
    """Genomes here are their names."""
    return TRUTHS[genome.demonstrations[0]]


def generation(number: int, born: list[str], survivors: list[str], tokens: int) -> list[Decision]:
    """As the search writes it down, what is read here."""
    genomes = {one: Genome((), (one,), ()).as_json() for one in born}
    body = {
        "number": number, "candidates": genomes, "dropped": dict.fromkeys(born[1:], "why"),
        "survivors": [{"key": one} for one in survivors],
    }  # fmt: skip
    stop = {"tokens": tokens, "reason": None, "elapsed_s": 0.0}
    return [Decision("generation", body), Decision("stop", stop)]


STRICT = Limits(over_refusal_gain=0.02)

RECORD = Record(
    Run("r", 0.0, {}),
    (
        *generation(0, ["base"], ["base"], 100),
        *generation(1, ["good", "refusing", "looping"], ["good", "refusing", "looping"], 300),
    ),
)


@pytest.mark.parametrize(
    ("tokens", "volume"), [(100, 0.2 * 0.5), (200, 0.4 * 0.5), (300, 0.6 * 0.5)]
)
def test_the_volume_is_that_of_what_truly_keeps_the_limits(tokens: int, volume: float) -> None:
    """Interpolated between the ends of generations."""
    found = outcome(RECORD, truth, base=BASE, tokens=tokens, limits=Limits())
    assert found.volume == pytest.approx(volume)


def test_what_is_just_at_a_limit_keeps_it() -> None:
    """One refusal more of twenty is five points."""
    base, one_more, two_more = (Truth(0.5, 0.5, k / 20, 0.0) for k in (3, 4, 5))
    assert keeps(one_more, base, Limits())
    assert not keeps(two_more, base, Limits())


def test_counts_are_those_within_the_budget() -> None:
    """Founders are no offspring: nothing of them counts as dropped."""
    early = outcome(RECORD, truth, base=BASE, tokens=299, limits=Limits())
    assert (early.generations, early.candidates, early.dropped) == (1, 1, 0.0)
    whole = outcome(RECORD, truth, base=BASE, tokens=10**6, limits=Limits())
    assert (whole.generations, whole.candidates, whole.tokens) == (2, 4, 300)
    assert whole.dropped == pytest.approx(2 / 3)
    assert whole.infeasible == pytest.approx(2 / 3)
    assert whole.front == whole.next_front == ((0.4, 0.5),)


def test_limits_are_relative_to_the_base_policy_wherever_it_stands_in_the_journal() -> None:
    """A journal is in the order of keys, so that the first candidate is just any."""
    founders = generation(0, ["good", "base", "refusing"], ["good", "base", "refusing"], 100)
    found = outcome(
        Record(Run("r", 0.0, {}), tuple(founders)), truth, base=BASE, tokens=100, limits=STRICT
    )
    assert found.front == ((0.8, 0.5),)


def test_fronts_on_both_sides_of_the_budget_are_kept() -> None:
    """So that every measure can be taken at it."""
    found = outcome(RECORD, truth, base=BASE, tokens=250, limits=Limits())
    assert (found.front, found.next_front) == (((0.8, 0.5),), ((0.4, 0.5),))
    assert found.into_next == 0.75
    assert found.at_budget(lambda front: front[0][0]) == pytest.approx(0.5)
    assert Outcome.of(json.loads(json.dumps(asdict(found)))) == found
    early = outcome(RECORD, truth, base=BASE, tokens=50, limits=Limits())
    assert (early.tokens, early.into_next) == (100, 0.0)
