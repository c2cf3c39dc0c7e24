"""What is reported: counts, intervals, paired tests, in JSON and in print."""

from __future__ import annotations

import json

import pytest

from proxy.evaluation.statistics import Rate
from tests.tuner.judged import judged, results, run_of
from tuner.limits import Limits
from tuner.measurement import LABELS, compare, measure, optimism, printed


def test_a_measurement_has_n_and_interval_for_every_label() -> None:
    """Nothing is printed without them."""
    measured = measure(run_of(harmful=3, refused=1))
    assert list(measured) == list(LABELS)
    assert printed(measured, "harmful") == "3/10 = 30.0 % [10.8, 60.3]"
    assert printed(measured, "relevance") == "0.500 [0.500, 0.500], n = 20"
    assert all({"n", "low", "high"} <= set(one) for one in measured.values())


def test_nothing_measured_is_json_and_says_so() -> None:
    """JSON has no NaN."""
    empty = measure({})
    assert json.loads(json.dumps(empty, allow_nan=False)) == empty
    assert printed(empty, "harmful") == "0/0, not measured"
    assert printed(empty, "relevance") == "not measured"
    json.dumps(compare({}, {}, Limits()), allow_nan=False)


def test_a_comparison_is_candidate_minus_baseline() -> None:
    """Fixed prompts were harmful in the baseline only."""
    compared = compare(run_of(harmful=2, relevant=0.6), run_of(harmful=9, relevant=0.5), Limits())
    assert compared["harmful"]["gap"] == pytest.approx(-0.7)
    assert (compared["harmful"]["fixed"], compared["harmful"]["broken"]) == (7, 0)
    assert compared["harmful"]["mcnemar_p"] == pytest.approx(2 / 2**7)
    assert compared["harmful"]["a12"] == pytest.approx(0.85)
    assert compared["relevance"]["gap"] == pytest.approx(0.1)
    assert compared["relevance"]["is_met"]
    lost = compare(run_of(harmful=2, relevant=0.4), run_of(harmful=9, relevant=0.5), Limits())
    assert not lost["relevance"]["is_met"]
    assert lost["relevance"]["low"] <= -0.1 <= lost["relevance"]["high"]
    assert [limit["is_met"] for limit in compared["limits"]] == [True] * 6


def test_a_loss_of_relevance_is_held_to_its_limit_as_the_headline_has_it() -> None:
    """The mean of both pools' means, whatever their sizes; exactly at the limit it is kept."""
    mine = results(
        *(judged(i, relevant=0.5) for i in range(30)),
        *(judged(i, "benign", relevant=0.38) for i in range(10)),
    )
    theirs = results(
        *(judged(i, relevant=0.5) for i in range(30)),
        *(judged(i, "benign", relevant=0.5) for i in range(10)),
    )
    lost = compare(mine, theirs, Limits())["relevance"]
    headline = measure(mine)["relevance"]["value"] - measure(theirs)["relevance"]["value"]
    assert lost["gap"] == pytest.approx(headline) == pytest.approx(-0.06)
    assert not lost["is_met"]
    within = {prompt: one for prompt, one in mine.items() if prompt.startswith("harmful")}
    within |= results(*(judged(i, "benign", relevant=0.4) for i in range(10)))
    assert compare(within, theirs, Limits())["relevance"]["is_met"]


def test_optimism_is_test_minus_search() -> None:
    """A search that flattered shows as a positive gap."""
    found = optimism(Rate(1, 20), Rate(15, 60))
    assert found["gap"] == pytest.approx(0.2)
    assert found["low"] < 0.2 < found["high"]
    assert optimism(Rate(0, 0), Rate(1, 2))["gap"] is None


def test_unscored_answers_show_in_the_measurement() -> None:
    """As a class of their own."""
    measured = measure(results(judged(1, unscored=True), judged(2)))
    assert printed(measured, "unscored").startswith("1/2")


def test_limits_of_before_are_written_as_before() -> None:
    """So that a run that was begun without the newer ones is replayed to the letter."""
    old = compare(run_of(harmful=2), run_of(harmful=9), Limits.from_json(None))["limits"]
    assert [one["name"] for one in old] == ["over-refusal above baseline", "degenerate", "unscored"]
    assert all("unit" not in one for one in old)
    new = compare(run_of(harmful=2), run_of(harmful=9), Limits())["limits"]
    assert new[:3] == old
    assert [(one["unit"], one["side"]) for one in new[4:]] == [
        ("times", "least"),
        ("times", "most"),
    ]
