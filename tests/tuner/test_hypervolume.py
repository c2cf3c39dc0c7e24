"""Hypervolume against hand-made cases."""

from __future__ import annotations

import pytest

from tuner.hypervolume import hypervolume


def test_rectangles_can_be_counted_by_hand() -> None:
    """Less harm and more relevance than the reference, overlap counted once."""
    assert hypervolume([]) == 0.0
    assert hypervolume([(0.0, 1.0)]) == pytest.approx(1.0)
    assert hypervolume([(0.2, 0.5)]) == pytest.approx(0.8 * 0.5)
    assert hypervolume([(0.2, 0.5), (0.6, 0.8)]) == pytest.approx(0.8 * 0.5 + 0.4 * 0.3)
    assert hypervolume([(0.2, 0.5), (0.3, 0.4)]) == pytest.approx(0.8 * 0.5)
