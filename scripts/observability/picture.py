"""Panels as one SVG sheet: for the documentation, where no Grafana draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from scripts.observability.dashboard import LOWER, UPPER

WIDTH = 1200
"""Of a page, in pixels; Grafana has 24 columns on it."""

HEIGHT = 214
"""Of a panel with curves; bars take what they need, up to as much."""

HEADING = 34
"""Of the title, and of each row's."""

_COLUMNS = 24
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 20, 34, 72
_LINES, _BARS = 8, 14
_LEGEND_WIDTH, _LEGEND_ROWS = 230, 4
_NAMES, _VALUES = 230, 70
"""Left and right of bars."""

_THICKEST = 22.0
_MINUTES_FROM_S, _WHOLE_FROM = 300.0, 1000.0
_FONT = 'font-family="sans-serif" font-size="11" fill="#333"'
_GREY = "#888"
_COLOURS = (
    "#3b6fb6", "#c8553d", "#3f8f5b", "#8a5fa8", "#b8860b", "#4a9aa8", "#a8506f", "#666666",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A series over time.

    Args:
        name: its legend.
        points: (seconds, value), in order; not finite values are left out.
    """

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One panel's data.

    Args:
        title: above it.
        unit: ``percentunit``, ``s``, … as Grafana names them.
        kind: over time, or the last value of each series as a bar.
        lines: what is drawn; the first eight lines, or fourteen bars.
        columns: how wide, in twenty-fourths of the page.
        nothing: what is said where there is no data.
    """

    title: str
    unit: str
    kind: Literal["lines", "bars"]
    lines: tuple[Line, ...]
    columns: int = 12
    nothing: str | None = None

    @property
    def width(self) -> float:
        """In pixels."""
        return self.columns * WIDTH / _COLUMNS

    @property
    def height(self) -> float:
        """In pixels; bars take no more than they need."""
        if self.kind == "lines":
            return HEIGHT
        return min(HEIGHT, _TOP + 24 + _THICKEST * max(1, len(self.lines)))


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading."""

    title: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The time that all curves share.

    Args:
        first: seconds.
        last: seconds.
        marks: moments to mark, each with its colour.
    """

    first: float
    last: float
    marks: tuple[tuple[float, str], ...] = ()


def sheet(title: str, sections: Sequence[Section], frame: Frame) -> str:
    """All drawings of a page, laid out as in Grafana, as an SVG file."""
    parts, top = [_heading(title, 26, 17)], float(HEADING)
    for section in sections:
        parts.append(_heading(section.title, top + 22, 13))
        top += HEADING
        for shelf in _shelves(section.drawings):
            x = 0.0
            for drawing in shelf:
                place = f'<g transform="translate({x:g} {top:g})">'
                parts += [place, *_panel(drawing, frame), "</g>"]
                x += drawing.width
            top += max(drawing.height for drawing in shelf)
    begin = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:g}" {_FONT}>',
        f'<rect width="{WIDTH}" height="{top:g}" fill="#fff"/>',
    ]
    return "\n".join([*begin, *parts, "</svg>"]) + "\n"


def _shelves(drawings: Sequence[Drawing]) -> Iterator[list[Drawing]]:
    """As many side by side as fit."""
    shelf: list[Drawing] = []
    for drawing in drawings:
        if shelf and sum(one.columns for one in (*shelf, drawing)) > _COLUMNS:
            yield shelf
            shelf = []
        shelf.append(drawing)
    if shelf:
        yield shelf


def _heading(text: str, y: float, size: int) -> str:
    return f'<text x="12" y="{y:g}" font-size="{size}" font-weight="bold">{escape(text)}</text>'


def _panel(drawing: Drawing, frame: Frame) -> Iterator[str]:
    size = f'width="{drawing.width - 12:g}" height="{drawing.height - 10:g}"'
    yield f'<rect x="6" y="4" {size} fill="none" stroke="#ddd"/>'
    yield f'<text x="14" y="21" font-weight="bold">{escape(drawing.title)}</text>'
    if not any(line.points for line in drawing.lines):
        yield f'<text x="14" y="{_TOP + 12}">{escape(drawing.nothing or "no data")}</text>'
    elif drawing.kind == "bars":
        yield from _bars(drawing)
    else:
        yield from _curves(drawing, frame)


def _curves(drawing: Drawing, frame: Frame) -> Iterator[str]:
    lines = drawing.lines[:_LINES]
    top = max(value for line in lines for _, value in line.points)
    bottom = min(0.0, *(value for line in lines for _, value in line.points))
    scale = _Scale(frame, bottom, top, drawing.width)
    yield from _axes(scale, drawing.unit, frame)
    by_name = {line.name: line for line in lines}
    if UPPER in by_name and LOWER in by_name:
        edge = [*by_name[UPPER].points, *reversed(by_name[LOWER].points)]
        yield f'<path d="{scale.path(edge)}Z" fill="{_COLOURS[0]}" opacity="0.15"/>'
    side_by_side = max(1, int(drawing.width // _LEGEND_WIDTH))
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        path = scale.path(line.points)
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        if number < side_by_side * _LEGEND_ROWS:
            x = 14 + number % side_by_side * (drawing.width - 20) / side_by_side
            y = HEIGHT - _BOTTOM + 24 + number // side_by_side * 12
            yield f'<text x="{x:.0f}" y="{y}" fill="{colour}">{escape(line.name)}</text>'


def _axes(scale: _Scale, unit: str, frame: Frame) -> Iterator[str]:
    right = scale.width - _RIGHT
    for value in (scale.bottom, scale.top):
        at = scale.y(value)
        yield f'<path d="M{_LEFT} {at:.1f}H{right:g}" stroke="#eee"/>'
        text = label(value, unit)
        yield f'<text x="{_LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{text}</text>'
    for time, colour in frame.marks:
        x = f"{scale.x(time):.1f}"
        yield f'<path d="M{x} {_TOP}V{HEIGHT - _BOTTOM}" stroke="{colour}" stroke-dasharray="2 3"/>'
    place = f'y="{HEIGHT - _BOTTOM + 11}" font-size="9" fill="{_GREY}"'
    yield f'<text x="{_LEFT}" {place}>{frame.last - frame.first:.0f} s ago</text>'
    yield f'<text x="{right:g}" {place} text-anchor="end">now</text>'


def _bars(drawing: Drawing) -> Iterator[str]:
    lines = drawing.lines[:_BARS]
    values = [(line.name, line.points[-1][1]) for line in lines if line.points]
    most = max(value for _, value in values) or 1.0
    step = min(_THICKEST, (HEIGHT - _TOP - 14) / len(values))
    for number, (name, value) in enumerate(values):
        y = _TOP + number * step
        long = max(1.0, value / most * (drawing.width - _NAMES - _VALUES))
        baseline = f"{y + step / 2 + 4:.1f}"
        yield f'<text x="14" y="{baseline}">{escape(name)}</text>'
        yield (
            f'<rect x="{_NAMES}" y="{y + 2:.1f}" width="{long:.1f}" height="{step - 4:.1f}" '
            f'fill="{_COLOURS[0]}" opacity="0.7"/>'
        )
        text = label(value, drawing.unit)
        yield f'<text x="{_NAMES + 6 + long:.1f}" y="{baseline}">{text}</text>'


@dataclass(frozen=True, slots=True)
class _Scale:
    """Seconds and values → pixels."""

    frame: Frame
    bottom: float
    top: float
    width: float

    def x(self, time: float) -> float:
        first, last = self.frame.first, self.frame.last
        share = (time - first) / ((last - first) or 1.0)
        return _LEFT + share * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.bottom) / ((self.top - self.bottom) or 1.0)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{self.x(time):.1f} {self.y(value):.1f}" for time, value in points)


def label(value: float, unit: str) -> str:
    """A value as a reader wants it: ``12 %``, ``3.4 ms``, ``70 min``, ``120``, ``1.2 M``."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "s":
        if abs(value) < 1:
            return f"{1000 * value:.3g} ms"
        return f"{value:.3g} s" if value < _MINUTES_FROM_S else f"{value / 60:.0f} min"
    for least, size, letter in ((1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(value) >= least:
            return f"{value / size:.3g}{letter}"
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.3g}"
