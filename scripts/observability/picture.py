"""Panels as one SVG sheet: for the documentation, where no Grafana draws them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from scripts.observability.dashboard import LOWER, UPPER

COLUMNS = 2
WIDTH, HEIGHT = 520, 190
"""Of one panel, in pixels."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 34, 42
_LINES, _BARS, _LEGENDS = 8, 14, 4
_FONT = 'font-family="sans-serif" font-size="11" fill="#333"'
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
    """

    title: str
    unit: str
    kind: Literal["lines", "bars"]
    lines: tuple[Line, ...]


def sheet(title: str, drawings: Sequence[Drawing]) -> str:
    """All drawings of a page, as an SVG file."""
    rows = math.ceil(len(drawings) / COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_FONT}>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="26" font-size="17" font-weight="bold">{escape(title)}</text>',
    ]
    for number, drawing in enumerate(drawings):
        x, y = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT + 40
        parts += [f'<g transform="translate({x} {y})">', *_panel(drawing), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(drawing: Drawing) -> Iterator[str]:
    size = f'width="{WIDTH - 12}" height="{HEIGHT - 10}"'
    yield f'<rect x="6" y="4" {size} fill="none" stroke="#ddd"/>'
    yield f'<text x="14" y="21" font-weight="bold">{escape(drawing.title)}</text>'
    lines = drawing.lines[: _BARS if drawing.kind == "bars" else _LINES]
    if not any(line.points for line in lines):
        yield f'<text x="14" y="{HEIGHT / 2:g}">no data</text>'
    elif drawing.kind == "bars":
        yield from _bars(lines, drawing.unit)
    else:
        yield from _curves(lines, drawing.unit)


def _curves(lines: Sequence[Line], unit: str) -> Iterator[str]:
    times = [time for line in lines for time, _ in line.points]
    top = max(value for line in lines for _, value in line.points)
    bottom = min(0.0, *(value for line in lines for _, value in line.points))
    scale = _Scale(min(times), max(times), bottom, top)
    for value in (bottom, top):
        at = scale.y(value)
        yield f'<path d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}" stroke="#eee"/>'
        text = label(value, unit)
        yield f'<text x="{_LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{text}</text>'
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
            y = HEIGHT - 27 + number // 2 * 14
            yield f'<text x="{x:g}" y="{y}" fill="{colour}">{escape(line.name)}</text>'


def _bars(lines: Sequence[Line], unit: str) -> Iterator[str]:
    values = [(line.name, line.points[-1][1]) for line in lines if line.points]
    most = max(value for _, value in values) or 1.0
    step = (HEIGHT - _TOP - 14) / len(values)
    for number, (name, value) in enumerate(values):
        y = _TOP + number * step
        long = max(1.0, value / most * (WIDTH - 300))
        yield f'<text x="14" y="{y + step / 2 + 4:.1f}">{escape(name)}</text>'
        yield (
            f'<rect x="200" y="{y + 2:.1f}" width="{long:.1f}" height="{step - 4:.1f}" '
            f'fill="{_COLOURS[0]}" opacity="0.7"/>'
        )
        yield f'<text x="{206 + long:.1f}" y="{y + step / 2 + 4:.1f}">{label(value, unit)}</text>'


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
