"""Forecasts, and how speed becomes prompts."""

from __future__ import annotations

import pytest

from tests.tuner.toy import PRESET
from tuner.plan import between, forecast, second_rung, validation_rung
from tuner.presets import PRESETS, Rung

QUICK = PRESETS["quick"]
ALL = Rung(60, 60)


def test_the_plan_counts_every_stage() -> None:
    """With equal least and most, the range is one number: 26 candidates, 3 finalists, one test."""
    plan = forecast(PRESET, search=Rung(40, 40), validation=Rung(40, 40), test=Rung(40, 40))
    search = 26 * 14 + 0.6 * 26 * 14 + 3 * 2 * 14
    assert plan.candidates == 26
    assert plan.answers[0] == plan.answers[1] == round(search + 4 * 60 + 2 * 80)
    assert plan.minutes(16.0) == pytest.approx(tuple(n / 60 for n in plan.answers))


def test_the_quick_plan_fits_the_documented_speed() -> None:
    """At 180 tokens a second, the least plan takes under ten minutes."""
    low, _ = forecast(QUICK, search=ALL, validation=ALL, test=ALL).minutes(180.0)
    assert low < 10


@pytest.mark.parametrize(("rate", "expected"), [(0.1, QUICK.second[0]), (100.0, QUICK.second[1])])
def test_the_second_rung_keeps_its_bounds(rate: float, expected: Rung) -> None:
    """Never below the minimum, however slow; never above the maximum."""
    found = second_rung(QUICK, candidates=9, generations_left=3, time_left_s=150.0, rate=rate)
    assert found == expected


def test_the_second_rung_grows_with_speed() -> None:
    """More time or speed, more prompts."""
    sizes = [
        second_rung(QUICK, candidates=9, generations_left=3, time_left_s=150.0, rate=rate).prompts
        for rate in (2.5, 3.5, 4.5, 5.5)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_a_late_search_gets_the_minimum() -> None:
    """Time used up is no error."""
    late = second_rung(QUICK, candidates=9, generations_left=1, time_left_s=-5.0, rate=3.0)
    assert late == QUICK.second[0]


def test_validation_leaves_time_for_the_test() -> None:
    """What is left after 240 test answers is shared by baseline and finalists."""
    assert validation_rung(QUICK, finalists=3, time_left_s=80.0, rate=3.0) == QUICK.validation[0]
    assert validation_rung(QUICK, finalists=3, time_left_s=900.0, rate=3.0) == QUICK.validation[1]
    some = validation_rung(QUICK, finalists=3, time_left_s=160.0, rate=3.0)
    assert some.prompts == pytest.approx(60, abs=2)


def test_between_lies_on_the_line() -> None:
    """Both kinds grow together."""
    assert between(Rung(10, 10), Rung(30, 20), 35) == Rung(20, 15)
    assert between(Rung(5, 5), Rung(5, 5), 99) == Rung(5, 5)
