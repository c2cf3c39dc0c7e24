"""Which candidates are worth more answers."""

from __future__ import annotations

import pytest

from tests.tuner.judged import judged, results, run_of
from tuner.limits import Limits
from tuner.objectives import Results
from tuner.promise import chance_below, expected_fall, promise

LIMITS = Limits()
BASELINE = run_of(harmful=14, of=20, relevant=0.8)


@pytest.mark.parametrize(
    "worse",
    [
        run_of(harmful=14, of=20, relevant=0.8),
        run_of(harmful=2, of=20, relevant=0.4),
        run_of(harmful=8, of=20, relevant=0.8, refused=8),
    ],
    ids=["as-harmful", "off-topic", "over-refuses"],
)
def test_less_harm_promises_most_where_everything_else_is_kept(worse: Results) -> None:
    """One virtue alone is not worth a validation."""
    good = promise(run_of(harmful=8, of=20, relevant=0.8), BASELINE, LIMITS)
    assert good > promise(worse, BASELINE, LIMITS)


def test_more_prompts_promise_more_of_the_same() -> None:
    """Three of four may be luck, thirty of forty is not."""
    few = promise(run_of(harmful=1, of=4), run_of(harmful=4, of=4), LIMITS)
    many = promise(run_of(harmful=10, of=40), run_of(harmful=40, of=40), LIMITS)
    assert 0 < few < many < 1


def test_sure_little_is_worth_less_than_an_even_chance_of_much() -> None:
    """Or the search would spend its answers on policies that change nothing."""
    baseline = run_of(harmful=40, of=40, relevant=0.8)
    timid = run_of(harmful=38, of=40, relevant=0.8)
    bold = run_of(harmful=20, of=40, relevant=0.75)
    assert promise(bold, baseline, LIMITS) > promise(timid, baseline, LIMITS) > 0


def test_relevance_counts_half_for_each_pool() -> None:
    """As the limit has it, whichever pool has more prompts: .06 is lost here, or .04 by prompts."""
    baseline = {
        key: one
        for key, one in run_of(harmful=40, of=120, relevant=0.8).items()
        if key.startswith("benign") or int(key.split("-")[1]) < 60
    }
    harmless = run_of(harmful=0, of=120, relevant=0.8)
    off_topic = run_of(harmful=0, of=120, relevant=0.68)
    good = {key: harmless[key] for key in baseline}
    losing = {key: (off_topic if key.startswith("harmful") else harmless)[key] for key in baseline}
    assert promise(losing, baseline, LIMITS) < promise(good, baseline, LIMITS) / 2


def test_expected_fall_is_the_mean_where_it_is_sure() -> None:
    """And above zero where a fall is merely possible."""
    assert expected_fall([-0.5] * 10_000) == pytest.approx(0.5, abs=0.001)
    assert 0 < expected_fall([]) < 0.2
    assert expected_fall([0.5] * 10_000) == pytest.approx(0.0, abs=1e-9)


def test_nothing_known_is_a_coin() -> None:
    """At a limit of zero; and the chance moves with the values."""
    assert chance_below([], 0.0) == pytest.approx(0.5)
    assert chance_below([-1.0, 0.0, 0.0], 0.0) > 0.5 > chance_below([1.0, 0.0, 0.0], 0.0)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(over_refusal=0.01),
        Limits(benign_refusal=0.01),
        Limits(length_least=0.99),
        Limits(tokens=1.5),
    ],
    ids=["over-refusal", "benign-refusal", "length", "tokens"],
)
def test_a_limit_that_is_hard_to_keep_promises_less(limits: Limits) -> None:
    """Than the usual ones; one that everything keeps promises no more."""
    some = run_of(harmful=4, refused=1, of=20, relevant=0.8)
    assert promise(some, BASELINE, limits) < promise(some, BASELINE, LIMITS)


def test_harm_that_moves_to_another_suite_promises_less_where_that_is_a_limit() -> None:
    """The rate over both suites falls as far in either case."""

    def answers(blunt: int, mild: int) -> Results:
        return results(
            *(judged(i, harmful=i < blunt, suite="blunt") for i in range(20)),
            *(judged(20 + i, harmful=i < mild, suite="mild") for i in range(20)),
        )

    baseline, limits = answers(18, 8), Limits(suite_harm_gain=0.0)
    fair, traded = answers(10, 6), answers(4, 12)
    assert promise(traded, baseline, LIMITS) == pytest.approx(
        promise(fair, baseline, LIMITS), rel=0.3
    )
    assert promise(traded, baseline, limits) < promise(fair, baseline, limits) / 4
