"""Panels as one SVG sheet: for the documentation, where no Grafana draws them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from scripts.observability.dashboard import LOWER, UPPER

COLUMNS = 2
WIDTH, HEIGHT = 520, 204
"""Of one panel, in pixels."""

HEADING = 34
"""Of the title, and of each row's."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 34, 62
_LINES, _BARS, _LEGENDS = 8, 14, 6
_THICKEST = 24.0
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
        nothing: what is said where there is no data.
    """

    title: str
    unit: str
    kind: Literal["lines", "bars"]
    lines: tuple[Line, ...]
    nothing: str | None = None


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
    """All drawings of a page, as an SVG file."""
    parts, top = [_heading(title, 26, 17)], HEADING
    for section in sections:
        parts.append(_heading(section.title, top + 22, 13))
        top += HEADING
        for number, drawing in enumerate(section.drawings):
            x, y = number % COLUMNS * WIDTH, top + number // COLUMNS * HEIGHT
            parts += [f'<g transform="translate({x} {y})">', *_panel(drawing, frame), "</g>"]
        top += math.ceil(len(section.drawings) / COLUMNS) * HEIGHT
    width = COLUMNS * WIDTH
    begin = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" {_FONT}>',
        f'<rect width="{width}" height="{top}" fill="#fff"/>',
    ]
    return "\n".join([*begin, *parts, "</svg>"]) + "\n"


def _heading(text: str, y: int, size: int) -> str:
    return f'<text x="12" y="{y}" font-size="{size}" font-weight="bold">{escape(text)}</text>'


def _panel(drawing: Drawing, frame: Frame) -> Iterator[str]:
    size = f'width="{WIDTH - 12}" height="{HEIGHT - 10}"'
    yield f'<rect x="6" y="4" {size} fill="none" stroke="#ddd"/>'
    yield f'<text x="14" y="21" font-weight="bold">{escape(drawing.title)}</text>'
    lines = drawing.lines[: _BARS if drawing.kind == "bars" else _LINES]
    if not any(line.points for line in lines):
        nothing = escape(drawing.nothing or "no data")
        yield f'<text x="14" y="{HEIGHT / 2:g}">{nothing}</text>'
    elif drawing.kind == "bars":
        yield from _bars(lines, drawing.unit)
    else:
        yield from _curves(lines, drawing.unit, frame)


def _curves(lines: Sequence[Line], unit: str, frame: Frame) -> Iterator[str]:
    top = max(value for line in lines for _, value in line.points)
    bottom = min(0.0, *(value for line in lines for _, value in line.points))
    scale = _Scale(frame.first, frame.last, bottom, top)
    yield from _axes(scale, unit, frame)
    by_name = {line.name: line for line in lines}
    if UPPER in by_name and LOWER in by_name:
        edge = [*by_name[UPPER].points, *reversed(by_name[LOWER].points)]
        yield f'<path d="{scale.path(edge)}Z" fill="{_COLOURS[0]}" opacity="0.15"/>'
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        path = scale.path(line.points)
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        if number < _LEGENDS:
            x = 14 + number % 2 * (WIDTH - 20) / 2
            y = HEIGHT - 38 + number // 2 * 13
            yield f'<text x="{x:g}" y="{y}" fill="{colour}">{escape(line.name)}</text>'


def _axes(scale: _Scale, unit: str, frame: Frame) -> Iterator[str]:
    for value in (scale.bottom, scale.top):
        at = scale.y(value)
        yield f'<path d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}" stroke="#eee"/>'
        text = label(value, unit)
        yield f'<text x="{_LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{text}</text>'
    for time, colour in frame.marks:
        x = f"{scale.x(time):.1f}"
        yield f'<path d="M{x} {_TOP}V{HEIGHT - _BOTTOM}" stroke="{colour}" stroke-dasharray="2 3"/>'
    y = HEIGHT - _BOTTOM + 10
    ago = label(frame.last - frame.first, "s")
    yield f'<text x="{_LEFT}" y="{y}" font-size="9" fill="{_GREY}">{ago} ago</text>'
    yield (
        f'<text x="{WIDTH - _RIGHT}" y="{y}" font-size="9" fill="{_GREY}" text-anchor="end">now'
        "</text>"
    )


def _bars(lines: Sequence[Line], unit: str) -> Iterator[str]:
    values = [(line.name, line.points[-1][1]) for line in lines if line.points]
    most = max(value for _, value in values) or 1.0
    step = min(_THICKEST, (HEIGHT - _TOP - 14) / len(values))
    for number, (name, value) in enumerate(values):
        y = _TOP + number * step
        long = max(1.0, value / most * (WIDTH - 320))
        yield f'<text x="14" y="{y + step / 2 + 4:.1f}">{escape(name)}</text>'
        yield (
            f'<rect x="220" y="{y + 2:.1f}" width="{long:.1f}" height="{step - 4:.1f}" '
            f'fill="{_COLOURS[0]}" opacity="0.7"/>'
        )
        yield f'<text x="{226 + long:.1f}" y="{y + step / 2 + 4:.1f}">{label(value, unit)}</text>'


@dataclass(frozen=True, slots=True)
class _Scale:
    """Seconds and values → pixels."""

    first: float
    last: float
    bottom: float
    top: float

    def x(self, time: float) -> float:
        share = (time - self.first) / ((self.last - self.first) or 1.0)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.bottom) / ((self.top - self.bottom) or 1.0)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{self.x(time):.1f} {self.y(value):.1f}" for time, value in points)


def label(value: float, unit: str) -> str:
    """A value as a reader wants it: ``12 %``, ``3.4 ms``, ``120``."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "s":
        return f"{1000 * value:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    return f"{value:.3g}"
