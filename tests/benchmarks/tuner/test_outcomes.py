"""A journal read by the truth."""

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


def test_the_front_is_that_of_what_truly_keeps_the_limits() -> None:
    """Of the last generation's survivors."""
    found = outcome(RECORD, truth, base=BASE, limits=Limits())
    assert found.front == ((0.4, 0.5),)
    assert found.volume == pytest.approx(0.6 * 0.5)
    assert set(found.found) == {(0.8, 0.5), (0.4, 0.5)}
    assert found.found_volume == found.volume
    assert Outcome.of(json.loads(json.dumps(asdict(found)))) == found


def test_what_is_just_at_a_limit_keeps_it() -> None:
    """One refusal more of twenty is five points."""
    base, one_more, two_more = (Truth(0.5, 0.5, k / 20, 0.0) for k in (3, 4, 5))
    assert keeps(one_more, base, Limits())
    assert not keeps(two_more, base, Limits())


def test_founders_are_no_offspring() -> None:
    """Nothing of them counts as dropped."""
    found = outcome(RECORD, truth, base=BASE, limits=Limits())
    assert (found.generations, found.candidates, found.tokens) == (2, 4, 300)
    assert found.dropped == pytest.approx(2 / 3)
    assert found.infeasible == pytest.approx(2 / 3)


def test_limits_are_relative_to_the_base_policy_wherever_it_stands_in_the_journal() -> None:
    """A journal is in the order of keys, so that the first candidate is just any."""
    founders = generation(0, ["good", "base", "refusing"], ["good", "base", "refusing"], 100)
    record = Record(Run("r", 0.0, {}), tuple(founders))
    found = outcome(record, truth, base=BASE, limits=STRICT)
    assert found.front == ((0.8, 0.5),)
