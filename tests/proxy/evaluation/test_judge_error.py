"""Corrected rates: known numbers, coverage by simulation, and loud refusals."""

from __future__ import annotations

import math
import random

import pytest

from proxy.evaluation.judge_error import audited_rate, rogan_gladen
from proxy.evaluation.statistics import Interval, Rate
from proxy.judges.cascade import Tally


def test_rogan_gladen_by_hand() -> None:
    """(0.3 + 0.9 - 1) / (0.8 + 0.9 - 1) = 2/7."""
    corrected = rogan_gladen(
        Rate(300, 1000), sensitivity=Rate(160, 200), specificity=Rate(180, 200)
    )
    assert corrected.value == pytest.approx(2 / 7)
    assert corrected.value in corrected.interval


def test_perfect_judge_changes_little() -> None:
    """With errors measured as none on many answers the raw rate stays."""
    corrected = rogan_gladen(
        Rate(30, 100), sensitivity=Rate(5000, 5000), specificity=Rate(5000, 5000)
    )
    assert corrected.value == pytest.approx(0.3)
    assert corrected.interval.low == pytest.approx(Rate(30, 100).interval.low, abs=0.01)
    assert corrected.interval.high == pytest.approx(Rate(30, 100).interval.high, abs=0.01)


def test_rate_below_the_false_alarms_is_cut_and_noted() -> None:
    """One per cent from a judge with some ten per cent false alarms is zero, or little more."""
    corrected = rogan_gladen(Rate(1, 100), sensitivity=Rate(95, 100), specificity=Rate(18, 20))
    assert corrected.value == 0.0
    assert corrected.interval.low == 0.0 < corrected.interval.high
    assert "below the judge's false alarms" in str(corrected)


def test_rate_that_refutes_the_card_is_not_certainly_zero() -> None:
    """Five of 240, by a judge that calls a sixth of harmless answers harmful: not these answers.

    Whatever its false alarms are here, the rate is at most what its misses let it be.
    """
    corrected = rogan_gladen(
        Rate(5, 240), sensitivity=Rate(1854, 2192), specificity=Rate(2094, 2508)
    )
    assert (corrected.value, corrected.interval.low) == (0.0, 0.0)
    assert corrected.interval.high == pytest.approx(Rate(5, 240).interval.high / 0.83, abs=0.001)
    assert "fewer than its card's false alarms" in str(corrected)


def test_rate_above_what_the_judge_can_find_is_not_certainly_one() -> None:
    """All of 240 harmful, by a judge that misses a sixth of them."""
    corrected = rogan_gladen(
        Rate(240, 240), sensitivity=Rate(1854, 2192), specificity=Rate(2094, 2508)
    )
    assert (corrected.value, corrected.interval.high) == (1.0, 1.0)
    assert 0.95 < corrected.interval.low < 1.0
    assert "more than its card lets it find" in str(corrected)


@pytest.mark.parametrize(
    ("judged", "sensitivity", "specificity"),
    [
        (Rate(0, 0), Rate(9, 10), Rate(9, 10)),
        (Rate(5, 10), Rate(0, 0), Rate(9, 10)),
        (Rate(5, 10), Rate(92, 100), Rate(39, 1000)),  # a keyword list
        (Rate(5, 10), Rate(1, 1), Rate(0, 1)),
    ],
)
def test_judge_that_tells_nothing_gives_no_rate(
    judged: Rate, sensitivity: Rate, specificity: Rate
) -> None:
    """Loud: no value, the whole interval, a note; never a silent Se = Sp = 1."""
    corrected = rogan_gladen(judged, sensitivity=sensitivity, specificity=specificity)
    assert math.isnan(corrected.value)
    assert corrected.interval == Interval(0.0, 1.0)
    assert str(corrected).startswith("not known: ")


@pytest.mark.parametrize("truth", [0.05, 0.3, 0.6])
def test_interval_covers_the_truth_as_often_as_it_says(truth: float) -> None:
    """1,500 simulated studies with Se .9 and Sp .85, each on 150 answers; seed 5."""
    rng = random.Random(5)
    se, sp, n_judged, n_card, runs = 0.9, 0.85, 300, 150, 1500

    def draw(n: int, p: float) -> Rate:
        return Rate(sum(rng.random() < p for _ in range(n)), n)

    hits = 0
    for _ in range(runs):
        judged = draw(n_judged, truth * se + (1 - truth) * (1 - sp))
        corrected = rogan_gladen(judged, sensitivity=draw(n_card, se), specificity=draw(n_card, sp))
        hits += truth in corrected.interval
    assert 0.935 <= hits / runs <= 0.99


def _simulate(rng: random.Random, *, n: int, audit_share: float) -> tuple[Tally, float]:
    """A cascade whose cheap judge misses 10 % of harm and raises 6 % false alarms."""
    tally = Tally(audit_share)
    truths = 0
    for _ in range(n):
        truth = rng.random() < 0.3
        truths += truth
        if rng.random() < 0.2:
            tally.escalated += 1
            tally.escalated_harmful += truth
            continue
        cheap = (rng.random() < 0.9) if truth else (rng.random() < 0.06)
        tally.settled += 1
        tally.settled_harmful += cheap
        if rng.random() < audit_share:
            tally.audited += 1
            tally.missed += truth and not cheap
            tally.false_alarms += cheap and not truth
    return tally, truths / n


def test_audited_rate_is_unbiased_and_covers() -> None:
    """600 simulated cascades of 1,000 answers, a tenth audited; seed 3."""
    rng = random.Random(3)
    estimates, hits, raw = [], 0, []
    for _ in range(600):
        tally, _ = _simulate(rng, n=1000, audit_share=0.1)
        corrected = audited_rate(tally)
        estimates.append(corrected.value)
        raw.append((tally.escalated_harmful + tally.settled_harmful) / tally.scored)
        hits += 0.3 in corrected.interval
    assert sum(estimates) / 600 == pytest.approx(0.3, abs=0.004)
    assert abs(sum(raw) / 600 - 0.3) > 0.007  # what the audit is for
    assert 0.92 <= hits / 600 <= 0.985


def test_full_audit_gives_the_strong_judges_rate() -> None:
    """Everything seen by the strong judge: nothing left to estimate."""
    rng = random.Random(1)
    tally, rate = _simulate(rng, n=500, audit_share=1.0)
    assert audited_rate(tally).value == pytest.approx(rate)


def test_audit_without_findings_still_widens_the_interval() -> None:
    """Twenty audits without an error leave room for three in twenty."""
    tally = Tally(0.05, settled=400, settled_harmful=0, audited=20)
    assert audited_rate(tally).interval.high == pytest.approx(3 / 20, abs=0.01)


@pytest.mark.parametrize(
    ("tally", "wilson"),
    [
        (Tally(0.05, escalated=20), Rate(0, 20)),
        (Tally(1.0, settled=20, audited=20), Rate(0, 20)),
        (Tally(1.0, settled=20, settled_harmful=20, audited=20), Rate(20, 20)),
    ],
)
def test_where_nothing_is_left_to_audit_the_interval_is_that_of_the_counts(
    tally: Tally, wilson: Rate
) -> None:
    """None of twenty is no certainty."""
    corrected = audited_rate(tally)
    assert corrected.interval.low == pytest.approx(wilson.interval.low)
    assert corrected.interval.high == pytest.approx(wilson.interval.high)


@pytest.mark.parametrize("audited", [1, 2])
def test_one_or_two_audits_prove_next_to_nothing(audited: int) -> None:
    """All that was looked at was wrong; so may be much of the rest, or little of it."""
    corrected = audited_rate(Tally(0.05, settled=40, audited=audited, missed=audited))
    assert corrected.value == 1.0
    assert corrected.interval.low < 0.4


def test_no_audit_no_rate() -> None:
    """The cheap judge's errors are then unknown."""
    corrected = audited_rate(Tally(0.0, settled=10, settled_harmful=2))
    assert "none of the settled answers was audited" in str(corrected)
    assert "nothing was scored" in str(audited_rate(Tally(0.1)))


def test_failed_audits_are_noted() -> None:
    """They may not be missing at random."""
    tally = Tally(0.1, settled=100, settled_harmful=10, audited=10, missed=1, audits_failed=2)
    assert "2 audits failed" in str(audited_rate(tally))
