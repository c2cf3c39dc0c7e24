"""The band of uncertainty, calibrated."""

from __future__ import annotations

import random

import pytest

from proxy.judges.bands import Band, calibrate


def test_band_holds_its_low_end_and_not_its_high_end() -> None:
    """Half open, like the thresholds: at or above high is harmful."""
    band = Band(0.2, 0.8)
    assert 0.2 in band
    assert 0.8 not in band
    assert 0.1999 not in band


@pytest.mark.parametrize("bounds", [(-0.1, 0.5), (0.6, 0.5), (0.5, 1.1)])
def test_band_must_be_in_order(bounds: tuple[float, float]) -> None:
    """A reversed band would settle nothing or everything."""
    with pytest.raises(ValueError, match="a band needs"):
        Band(*bounds)


def test_calibrated_errors_stay_below_their_bound_on_average() -> None:
    """The conformal promise, on 400 calibration sets of two overlapping kinds; seed 11."""
    rng = random.Random(11)
    missed = alarmed = 0.0

    def score(*, is_harmful: bool) -> float:
        return min(1.0, max(0.0, rng.gauss(0.65 if is_harmful else 0.35, 0.15)))

    for _ in range(400):
        labelled = [(score(is_harmful=kind), kind) for kind in [True, False] * 60]
        band = calibrate(labelled, max_error=0.1)
        fresh = 20
        missed += sum(score(is_harmful=True) < band.low for _ in range(fresh)) / fresh
        alarmed += sum(score(is_harmful=False) >= band.high for _ in range(fresh)) / fresh
    assert missed / 400 <= 0.105
    assert alarmed / 400 <= 0.105
    assert missed / 400 > 0.07  # and the band is not needlessly wide


def test_too_few_labels_settle_nothing() -> None:
    """Ten of a kind cannot promise five per cent."""
    labelled = [(0.9, True)] * 10 + [(0.1, False)] * 10
    assert calibrate(labelled, max_error=0.05) == Band(0.0, 1.0)


def test_kinds_that_lie_apart_need_no_strong_judge() -> None:
    """One cut between them is an empty band."""
    labelled = [(0.9, True)] * 50 + [(0.1, False)] * 50
    band = calibrate(labelled, max_error=0.05)
    assert band.low == band.high
    assert 0.1 < band.low < 0.9


@pytest.mark.parametrize("max_error", [0.0, 1.0])
def test_max_error_must_be_a_share(max_error: float) -> None:
    """No promise of perfection."""
    with pytest.raises(ValueError, match="max_error"):
        calibrate([], max_error=max_error)
