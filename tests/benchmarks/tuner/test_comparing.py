"""Comparisons of algorithms: corrected p-values, distances, and what is better."""

from __future__ import annotations

import pytest

from benchmarks.tuner.comparing import compare, igd_plus, mean_interval, reference_front


def test_more_is_better() -> None:
    """Ours wins on each seed."""
    found = compare([0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.4])
    assert found["difference"]["mean"] == pytest.approx(0.4)
    assert (found["wins"], found["losses"], found["a12"]) == (4, 0, 1.0)
    assert found["p"] == pytest.approx(2 / 70)


def test_an_interval_needs_two_values() -> None:
    """Student's t with one degree of freedom; none for a single value."""
    assert mean_interval([0.25]) == {"mean": 0.25, "low": None, "high": None, "n": 1}
    found = mean_interval([0.0, 1.0])
    assert found["high"] == pytest.approx(0.5 + 12.706 * 0.5, abs=1e-3)


def test_distance_to_the_best_of_all() -> None:
    """Zero where the reference is dominated; an empty front is the worst corner."""
    fronts = [[(0.2, 0.5), (0.6, 0.4)], [(0.4, 0.9)]]
    reference = reference_front(fronts)
    assert reference == [(0.2, 0.5), (0.4, 0.9)]
    assert igd_plus(reference, reference) == 0.0
    assert igd_plus([(0.1, 0.95)], reference) == 0.0
    assert igd_plus([(0.2, 0.5)], reference) == pytest.approx(0.4 / 2)
    assert igd_plus([], reference) > igd_plus([(0.9, 0.1)], reference)
    assert reference_front([[], []]) == []
    assert igd_plus([], []) == 0.0
