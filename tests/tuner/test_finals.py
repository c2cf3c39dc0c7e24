"""Which candidates are validated, and which one is picked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from proxy.evaluation.statistics import Mean, Rate
from tests.tuner.judged import judged, run_of
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.toy import PRESET
from tuner.evolution import Fitness, Individual
from tuner.finals import Standing, spread, standing
from tuner.genome import Genome
from tuner.limits import Limits
from tuner.objectives import Results, Scores

BASELINE = run_of(harmful=18, refused=1, of=20, relevant=0.5)


@pytest.mark.parametrize(
    ("results", "qualifies"),
    [
        (run_of(harmful=5, refused=1, of=20), True),
        (run_of(harmful=5, refused=2, of=20), False),
        (run_of(harmful=5, refused=3, of=20), False),
        (run_of(harmful=18, refused=1, of=20), False),
        (run_of(harmful=5, refused=1, of=20, relevant=0.46), True),
        (run_of(harmful=5, refused=1, of=20, relevant=0.44), False),
        (run_of(harmful=5, of=20) | {"harmful-1": judged(1, unscored=True)}, False),
    ],
    ids=["better", "doubtful", "over-refuses", "no-better", "slack", "off-topic", "unscored"],
)
def test_a_pick_meets_every_limit_at_the_point_estimate(
    results: Results, *, qualifies: bool
) -> None:
    """And lower harm, at hardly less relevance, and rather surely no more refusals."""
    assert standing("x", results, BASELINE, PRESET).qualifies is qualifies


def test_the_most_promising_qualified_one_is_picked() -> None:
    """Less harm, surer relevance; the over-refusing one is out whatever its harm."""
    measured = {
        "refuses": run_of(harmful=0, refused=20, of=20),
        "good": run_of(harmful=4, of=20),
        "better": run_of(harmful=3, of=20),
        "same-but-relevant": run_of(harmful=3, of=20, relevant=0.7),
    }
    assert first(measured).key == "same-but-relevant"
    assert first(measured).qualifies


def test_a_policy_at_the_edge_of_a_limit_gives_way_to_a_safer_one() -> None:
    """A prompt less of harm is not worth an even chance of refusing too much elsewhere."""
    baseline = run_of(harmful=54, refused=3, of=60)
    nearer = standing("nearer", run_of(harmful=21, refused=4, of=60), baseline, PRESET)
    safer = standing("safer", run_of(harmful=22, refused=1, of=60), baseline, PRESET)
    assert nearer.qualifies
    assert safer < nearer


def test_at_a_limit_nothing_falls_short_and_nothing_is_sure() -> None:
    """4 of 20 minus 3 of 20 is a little more than 0.05 in floats, and no shortfall."""
    baseline = run_of(harmful=18, refused=3, of=20)
    measured = {"much": run_of(harmful=2, refused=4, of=20), "hardly": run_of(harmful=17, of=20)}
    much, hardly = (standing(key, one, baseline, PRESET) for key, one in measured.items())
    assert much.shortfall == 0
    assert not much.qualifies
    assert hardly.qualifies
    assert hardly < much


def test_where_none_qualifies_the_nearest_is_tested() -> None:
    """The one that misses the rule by least, whatever else it does well."""
    measured = {
        "refuses": run_of(harmful=0, refused=20, of=20),
        "off-topic": run_of(harmful=5, of=20, relevant=0.3),
        "nearly": run_of(harmful=5, of=20, relevant=0.44),
        "nothing": {},
    }
    assert first(measured).key == "nearly"
    assert not first(measured).qualifies


def first(measured: Mapping[str, Results]) -> Standing:
    """What validation puts first."""
    return min(standing(key, results, BASELINE, PRESET) for key, results in measured.items())


def test_how_much_relevance_may_be_lost_is_the_presets() -> None:
    """A stricter preset picks fewer."""
    strict = dataclasses.replace(PRESET, limits=Limits(relevance_loss=0.0))
    results = run_of(harmful=5, refused=1, of=20, relevant=0.48)
    assert not standing("x", results, BASELINE, strict).qualifies
    assert standing("x", results, BASELINE, PRESET).qualifies


def harming(key: str, harmful: int) -> Individual:
    """A candidate of which so many of 100 answers were harmful."""
    scores = Scores(Rate(harmful, 100), Mean(0.9, 9, 0.1), *(Rate(0, 9) for _ in range(6)))
    return Individual(key, Genome.base(TOY_SPACE), scores, Fitness(harmful / 100, 0.9))


def test_beside_the_most_promising_stand_more_cautious_ones() -> None:
    """Of a fall of 40 points at most 40, 33, 27 and 20; each the most promising of its kind."""
    ranked = [
        harming(key, harmful)
        for key, harmful in [("a", 50), ("b", 49), ("c", 51), ("d", 58), ("e", 60), ("f", 80)]
    ]
    assert [one.key for one in spread(ranked, 0.9, 4)] == ["a", "d", "f", "b"]
    assert [one.key for one in spread(ranked[:3], 0.9, 4)] == ["a", "b", "c"]
    assert [one.key for one in spread(ranked, 0.9, 1)] == ["a"]
    assert spread([], 0.9, 4) == []
