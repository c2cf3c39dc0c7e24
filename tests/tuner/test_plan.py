"""How speed becomes prompts, and tokens become candidates."""

from __future__ import annotations

import pytest

from tuner.plan import (
    LEAST_STAYING,
    Pace,
    bearable,
    between,
    pace,
    qualifying_rung,
    validation_rung,
)
from tuner.plan import test_rung as afforded
from tuner.presets import PRESETS, Rung

QUICK, STANDARD = PRESETS["quick"], PRESETS["standard"]
ALL = Rung(60, 60)


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


def test_so_many_candidates_race_on_so_many_answers() -> None:
    """Six answers each, and twelve more for three fifths of them; or six each; at least one."""
    first, second = Rung(4, 2), Rung(10, 8)
    assert bearable(132, first, second, races=True) == 10
    assert bearable(132, first, second, races=False) == 22
    assert bearable(0, first, second, races=True) == 1


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


def qualified(time_left_s: float, rate: float = 2.0) -> Rung:
    """What each of ten qualifiers may have answered."""
    return qualifying_rung(
        STANDARD, validation=ALL, test=ALL, qualifiers=10, time_left_s=time_left_s, rate=rate
    )


def test_a_longer_look_leaves_time_for_validation_and_test() -> None:
    """Five times 80 answers and twice 120 come later; eleven share the rest."""
    least, most = STANDARD.qualifying
    assert qualified(-1.0) == least
    assert qualified(9e9) == most
    assert qualified((640 + 11 * 150) / 2).prompts == pytest.approx(150, abs=2)


def test_between_lies_on_the_line() -> None:
    """Both kinds grow together."""
    assert between(Rung(10, 10), Rung(30, 20), 35) == Rung(20, 15)
    assert between(Rung(5, 5), Rung(5, 5), 99) == Rung(5, 5)
