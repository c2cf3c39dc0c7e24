"""Small pieces of the page."""

from __future__ import annotations

from tuner.report.parts import behind, cells, chart, code, mean_text, points, section, span


def test_everything_is_escaped() -> None:
    """Texts come from files and models."""
    for piece in (code("<b>"), cells("<b>")[0], chart("<b>"), section("s", "<b>")):
        assert "<b>" not in piece


def test_tables_say_how_long_they_are() -> None:
    """Before they are opened."""
    assert "<summary>Table (2)</summary>" in behind(["a"], [cells(1), cells(2)])


def test_figures_carry_interval_and_n_or_say_that_there_is_none() -> None:
    """Nothing is measured on nothing."""
    assert span({"gap": -0.25, "low": -0.4, "high": -0.1}) == "-25.0 [-40.0, -10.0]"
    assert span({"gap": None}) == points(None) == "not measured"
    assert (
        mean_text({"n": 9, "value": 0.5, "low": 0.4, "high": 0.6}) == "0.500 [0.400, 0.600], n = 9"
    )
    assert mean_text({"n": 0, "value": None, "low": 0.0, "high": 1.0}) == "not measured"
