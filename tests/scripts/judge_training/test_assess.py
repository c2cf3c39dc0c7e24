"""The measures behind the card."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="scikit-learn only trains the judge")

from scripts.judge_training.assess import accuracy, calibration, choose_threshold


def test_accuracy_at_a_threshold() -> None:
    """Sensitivity, specificity and the two rates."""
    found = accuracy([True, True, False, False], [0.9, 0.4, 0.6, 0.1], 0.5)
    assert (found.sensitivity.value, found.specificity.value) == (0.5, 0.5)
    assert (found.labelled.value, found.flagged.value) == (0.5, 0.5)
    assert found.auroc in found.auroc_interval


def test_choose_threshold_is_the_median_of_the_families() -> None:
    """One family that is like no other does not decide."""
    labels = [True, False]
    families = [(labels, [0.305, 0.1]), (labels, [0.505, 0.495]), (labels, [0.9, 0.805])]
    assert choose_threshold(families) == 0.5


def test_calibration_has_a_bin_a_tenth_and_none_that_is_empty() -> None:
    """1 belongs to the last one."""
    bins = calibration([True, False, True], [1.0, 0.05, 0.97])
    assert [(each.low, each.observed.k, each.observed.n) for each in bins] == [
        (0.0, 0, 1),
        (0.9, 2, 2),
    ]
    assert bins[1].mean == pytest.approx(0.985)
