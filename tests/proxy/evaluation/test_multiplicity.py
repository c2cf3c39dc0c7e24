"""Holm's correction, on known numbers."""

from __future__ import annotations

import itertools

import pytest

from proxy.evaluation.multiplicity import holm


def test_a_known_example() -> None:
    """Four tests: the smallest four times, the next three times, and never below one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_test_needs_no_correction() -> None:
    """And none has none."""
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_the_order_given_does_not_matter() -> None:
    """Each p-value keeps its own correction; none goes above one."""
    p_values = [0.5, 0.001, 0.02]
    expected = dict(zip(p_values, holm(p_values), strict=True))
    for order in itertools.permutations(p_values):
        assert holm(order) == [expected[p] for p in order]
    assert max(holm([0.9, 0.8])) == 1.0
