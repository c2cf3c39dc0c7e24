"""Panels drawn as SVG."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from scripts.observability.dashboard import LOWER, UPPER
from scripts.observability.picture import (
    HEADING,
    HEIGHT,
    Drawing,
    Frame,
    Line,
    Section,
    label,
    sheet,
)

SVG = "{http://www.w3.org/2000/svg}"


def _sheet(*drawings: Drawing, marks: tuple[tuple[float, str], ...] = ()) -> str:
    return sheet("Page", [Section("Row", drawings)], Frame(0.0, 1.0, marks))


def _texts(svg: str) -> list[str]:
    return [item.text or "" for item in ET.fromstring(svg).iter(f"{SVG}text")]


def test_sheet_is_sound_xml_with_every_title_legend_and_extreme() -> None:
    """Whatever a policy is called."""
    line = Line("<a> & b", ((0.0, 0.25), (1.0, 0.5)))
    svg = _sheet(Drawing("First", "percentunit", "lines", (line,)))
    assert {"Page", "Row", "First", "<a> & b", "50 %", "0 %"} <= set(_texts(svg))


def test_band_is_filled_between_its_ends() -> None:
    """The interval is what one should see first."""
    points = ((0.0, 0.1), (1.0, 0.2))
    lines = tuple(Line(name, points) for name in (UPPER, "harmful", LOWER))
    svg = _sheet(Drawing("Band", "percentunit", "lines", lines))
    assert sum('opacity="0.15"' in part for part in svg.splitlines()) == 1


def test_last_values_become_bars() -> None:
    """The longest is the greatest."""
    lines = (Line("a", ((0.0, 9.0), (1.0, 2.0))), Line("b", ((0.0, 4.0),)))
    svg = _sheet(Drawing("Bars", "short", "bars", lines))
    bars = [
        float(item.attrib["width"])
        for item in ET.fromstring(svg).iter(f"{SVG}rect")
        if "opacity" in item.attrib
    ]
    assert bars[1] == 2 * bars[0]


def test_panel_without_data_says_so() -> None:
    """And leaves its place to nobody else; two panels share a row."""
    empty = Drawing("Empty", "s", "lines", (Line("a", ()),))
    svg = _sheet(empty, empty, empty)
    assert _texts(svg).count("no data") == 3
    assert ET.fromstring(svg).attrib["viewBox"].endswith(f" {2 * HEIGHT + 2 * HEADING}")


def test_panel_without_data_may_say_what_that_means() -> None:
    """As Grafana does: nobody was turned away."""
    svg = _sheet(Drawing("Empty", "s", "lines", (), nothing="nobody was turned away"))
    assert "nobody was turned away" in _texts(svg)
    assert "no data" not in _texts(svg)


def test_panels_stand_side_by_side_as_long_as_they_fit() -> None:
    """Three of a third each on one shelf, and bars take no more height than they need."""
    bar = Drawing("Bar", "short", "bars", (Line("a", ((0.0, 1.0),)),), columns=8)
    root = ET.fromstring(_sheet(bar, bar, bar, bar))
    places = [item.attrib["transform"] for item in root.iter(f"{SVG}g")]
    lefts = [place.partition("(")[2].split()[0] for place in places]
    assert lefts == ["0", "400", "800", "0"]
    assert float(root.attrib["viewBox"].split()[3]) < 2 * HEADING + HEIGHT


def test_moments_are_marked_in_every_curve() -> None:
    """At their place in the time that all share."""
    line = Line("a", ((0.0, 1.0), (1.0, 1.0)))
    drawing = Drawing("Curve", "short", "lines", (line,))
    svg = _sheet(drawing, drawing, marks=((0.5, "purple"),))
    assert svg.count('stroke="purple"') == 2


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.125, "percentunit", "12.5 %"),
        (0.0034, "s", "3.4 ms"),
        (12.0, "s", "12 s"),
        (420.0, "s", "7 min"),
        (120.0, "short", "120"),
        (1234.5, "short", "1,234"),
        (12_340.0, "short", "12.3 k"),
        (1_000_000.0, "short", "1 M"),
    ],
)
def test_values_have_their_unit(value: float, unit: str, text: str) -> None:
    """Three digits are enough."""
    assert label(value, unit) == text
