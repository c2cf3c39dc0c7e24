"""Forecasts, and how speed becomes prompts."""

from __future__ import annotations

import pytest

from tests.tuner.toy import PRESET
from tuner.plan import LEAST_STAYING, Pace, between, forecast, pace, validation_rung
from tuner.plan import test_rung as afforded
from tuner.presets import PRESETS, Rung

QUICK = PRESETS["quick"]
ALL = Rung(60, 60)


def test_the_plan_counts_every_stage() -> None:
    """26 candidates, 3 finalists, one test; at the least only one a generation stays."""
    plan = forecast(PRESET, search=Rung(40, 40), validation=Rung(40, 40), test=Rung(40, 40))
    rest = 26 * 14 + 3 * 2 * 14 + 4 * 60 + 2 * 80
    assert plan.candidates == 26
    assert plan.answers == (rest + LEAST_STAYING * 4 * 14, round(rest + 0.6 * 26 * 14))
    assert plan.minutes(16.0) == pytest.approx(tuple(n / 60 for n in plan.answers))


def test_the_quick_plan_fits_a_slow_machine() -> None:
    """At 100 tokens a second, the least plan takes under ten minutes."""
    low, _ = forecast(QUICK, search=ALL, validation=ALL, test=ALL).minutes(100.0)
    assert low < 10


def paced(rate: float, time_left_s: float = 150.0) -> Pace:
    """What the quick preset affords nine candidates with three generations to go."""
    return pace(QUICK, candidates=9, generations_left=3, time_left_s=time_left_s, rate=rate)


def test_a_slow_search_gets_the_least_and_keeps_one_in_the_race() -> None:
    """Never below the minimum, however slow."""
    assert paced(0.1) == Pace(QUICK.first[0], QUICK.second[0], LEAST_STAYING)


def test_a_fast_search_gets_the_most_and_drops_none_for_time() -> None:
    """Never above the maximum, however fast."""
    assert paced(100.0) == Pace(QUICK.first[1], QUICK.second[1], 9)


def test_prompts_grow_with_speed() -> None:
    """More speed, more certainty: in either rung, and in how many go on."""
    paces = [paced(rate) for rate in (0.5, 1.5, 2.5, 4.0, 8.0)]
    for sizes in (
        [one.first.prompts for one in paces],
        [one.second.prompts for one in paces],
        [one.staying for one in paces],
    ):
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1]


def test_a_late_search_gets_the_minimum() -> None:
    """Time used up is no error."""
    assert paced(3.0, time_left_s=-5.0) == paced(0.1)


def validated(time_left_s: float, test: Rung = ALL) -> Rung:
    """What each of two finalists may answer, at three answers a second."""
    return validation_rung(QUICK, test=test, finalists=2, time_left_s=time_left_s, rate=3.0)


def test_validation_leaves_time_for_the_test() -> None:
    """What is left after 240 test answers is shared by baseline and finalists."""
    least, most = QUICK.validation
    assert validated(80.0) == least
    assert validated(900.0) == most
    assert validated(160.0).prompts == pytest.approx(80, abs=2)


def test_no_time_is_set_aside_for_prompts_that_the_test_split_lacks() -> None:
    """With 90 of them there are 60 answers more to share."""
    assert validated(160.0, Rung(45, 45)).prompts == pytest.approx(100, abs=2)


def test_a_slow_machine_tests_on_fewer_prompts() -> None:
    """Within its least and its most; all thirty look-alikes of the suite are in the least."""
    assert afforded(QUICK, time_left_s=10.0, rate=1.0) == QUICK.test[0]
    assert afforded(QUICK, time_left_s=200.0, rate=1.0).prompts == pytest.approx(100, abs=2)
    assert afforded(QUICK, time_left_s=999.0, rate=1.0) == QUICK.test[1]


def test_between_lies_on_the_line() -> None:
    """Both kinds grow together."""
    assert between(Rung(10, 10), Rung(30, 20), 35) == Rung(20, 15)
    assert between(Rung(5, 5), Rung(5, 5), 99) == Rung(5, 5)
