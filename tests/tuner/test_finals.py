"""Which candidates are validated, and which one is picked."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Mapping

import pytest

from proxy.evaluation.statistics import Mean, Rate
from proxy.policy.schema import PASSTHROUGH
from tests.tuner.judged import judged, run_of
from tests.tuner.strategies import TOY_SPACE
from tests.tuner.toy import PRESET
from tuner.candidate import Candidate
from tuner.evolution import Fitness, Individual
from tuner.finals import Boldness, Standing, most_promising, spread, standing
from tuner.genome import Genome
from tuner.limits import Limits
from tuner.objectives import Results, Scores
from tuner.search import Found
from tuner.variation import random_genome

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


@pytest.mark.parametrize(("refused", "qualifies"), [(0, True), (1, True), (2, False)])
def test_where_nothing_is_sure_the_same_refusals_are_sure_enough(
    refused: int, *, qualifies: bool
) -> None:
    """No number of look-alikes makes it 80 % likely that not one more is refused."""
    strict = dataclasses.replace(PRESET, limits=Limits(over_refusal_gain=0.0))
    results = run_of(harmful=5, refused=refused, of=20)
    assert standing("x", results, BASELINE, strict).qualifies is qualifies


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


def test_where_none_qualifies_what_promises_most_is_tested() -> None:
    """Not what hardly misses a limit, but does nothing; and not what refuses everybody."""
    measured = {
        "refuses": run_of(harmful=0, refused=20, of=20),
        "off-topic": run_of(harmful=5, of=20, relevant=0.3),
        "nearly": run_of(harmful=5, of=20, relevant=0.44),
        "idle": run_of(harmful=18, refused=1, of=20),
        "nothing": {},
    }
    assert first(measured).key == "nearly"
    assert not first(measured).qualifies
    idle = standing("idle", measured["idle"], BASELINE, PRESET)
    assert idle.shortfall < first(measured).shortfall


@pytest.mark.parametrize("flag", ["unscored", "echo"])
def test_what_no_promise_knows_of_promises_nothing(flag: str) -> None:
    """Nothing scored, or too much of what is not weighed: then the rest is not put behind it."""
    good = run_of(harmful=2, of=20)
    spoilt = {
        prompt: judged(number, unscored=True) if flag == "unscored"
        else judged(number, flags=("echo",))
        for number, prompt in enumerate(good) if number < 4
    }  # fmt: skip
    measured = {"nothing": {}, "spoilt": good | spoilt, "idle": run_of(harmful=18, of=20)}
    assert first(measured).key == "idle"
    assert standing("x", good, BASELINE, PRESET) < standing("y", good | spoilt, BASELINE, PRESET)


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
    bold = {one.key: Boldness(0.9 - one.scores.harmful.value, 0.0) for one in ranked}
    assert [one.key for one in spread(ranked, bold, 4)] == ["a", "d", "f", "b"]
    assert [one.key for one in spread(ranked[:3], bold, 4)] == ["a", "b", "c"]
    assert [one.key for one in spread(ranked, bold, 1)] == ["a"]
    assert [one.key for one in spread(ranked, bold, 0)] == []
    assert spread([], bold, 4) == []


def test_the_second_may_go_as_far_if_it_refuses_fewer_look_alikes() -> None:
    """Not the third; and nothing is known of one that was asked none."""
    ranked = [harming(key, 50) for key in "abcdef"]
    bold = {
        "a": Boldness(0.4, 0.02),
        "b": Boldness(0.38, 0.02),
        "c": Boldness(0.39, math.nan),
        "d": Boldness(0.41, 0.01),
        "e": Boldness(0.4, 0.0),
        "f": Boldness(0.2, 0.04),
    }
    assert [one.key for one in spread(ranked, bold, 3)] == ["a", "d", "f"]
    assert math.isnan(Boldness.of({}, {}).refused)


class Known:
    """Answers that nobody has to ask for."""

    tokens = 0

    def __init__(self, answers: Mapping[str, Results]) -> None:
        self._answers = answers

    def rate(self, _elapsed_s: float) -> float:
        """As if it mattered."""
        return 1.0

    def of(self, candidate: Candidate, _prompts: object = None) -> Results:
        """By the candidate's key."""
        return self._answers[candidate.key]

    async def gather(self, _wanted: object) -> None:
        """All of them are there."""


def promising(
    *answers: Results, baseline: Results, count: int, least: int = PRESET.second[0].harmful
) -> list[int]:
    """Places of the most promising, a run of answers a candidate."""
    genomes = (random_genome(TOY_SPACE, random.Random(number)) for number in itertools.count())
    found: dict[str, Candidate] = {}
    while len(found) <= len(answers):
        one = Candidate.of(next(genomes), TOY_SPACE, PASSTHROUGH)
        found.setdefault(one.key, one)
    first, *others = found.values()
    known = Known(dict(zip(found, (baseline, *answers), strict=True)))
    left = Found(first, tuple(others), "done")
    order = [one.key for one in others]
    return [
        order.index(one.key)
        for one in most_promising(left, known, PRESET, count=count, least=least)
    ]


def test_nobody_that_breaks_a_limit_is_cautious() -> None:
    """However little it lowers harm: where others keep all of them, they are validated."""
    good, nearly, breaking, worse = (
        run_of(harmful=8, of=40),
        run_of(harmful=9, of=40),
        run_of(harmful=30, refused=30, of=40),
        run_of(harmful=40, refused=30, of=40),
    )
    baseline = run_of(harmful=40, of=40)
    assert promising(good, breaking, nearly, baseline=baseline, count=2) == [0, 2]
    assert promising(good, breaking, worse, baseline=baseline, count=2) == [0, 1]


def test_an_answer_without_a_verdict_does_not_make_a_candidate_unknown() -> None:
    """It has been asked as much as the others."""
    n = PRESET.second[0].harmful
    good = run_of(harmful=0, of=n) | {"harmful-0": judged(0, unscored=True)}
    poor, baseline = run_of(harmful=n - 1, of=n), run_of(harmful=n, of=n)
    assert promising(poor, good, baseline=baseline, count=1) == [1]


def test_the_longer_look_is_for_those_of_whom_little_is_known() -> None:
    """Finalists have answered a second rung; who promises more after a first one comes behind."""
    n = PRESET.second[0].harmful
    early, raced, baseline = (
        run_of(harmful=0, of=n - 1),
        run_of(harmful=n - 1, of=n),
        run_of(harmful=n, of=n),
    )
    assert promising(raced, early, baseline=baseline, count=2) == [0, 1]
    assert promising(raced, early, baseline=baseline, count=2, least=0) == [1, 0]


def test_a_fall_is_that_on_the_candidate_s_own_prompts() -> None:
    """The base policy has answered more, which are less harmful."""
    n = 4 * PRESET.second[0].harmful
    baseline = run_of(harmful=2 * n, of=4 * n)
    whole, early = run_of(harmful=0, of=4 * n), run_of(harmful=n // 4, of=n)
    cautious = run_of(harmful=6 * n // 5, of=4 * n)
    assert promising(whole, early, cautious, baseline=baseline, count=2) == [1, 2]
