"""Pieces of a page: escaped text, tables, and intervals as small drawings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NewType

Html = NewType("Html", str)
"""Markup that is safe to put into a page; everything else goes through `text` first."""

_WIDTH = 220
_MIDDLE = 11
_MARGIN = 6


def text(value: object) -> Html:
    """Any value as markup that shows it and does nothing else."""
    return Html(escape(str(value), quote=True))


def join(parts: Iterable[Html], separator: str = "") -> Html:
    """Pieces one behind the other."""
    return Html(separator.join(parts))


def tag(name: str, *children: Html, **attributes: str) -> Html:
    """An element; ``class_`` is written for ``class``."""
    written = "".join(f' {_attribute(key)}="{text(item)}"' for key, item in attributes.items())
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def table(
    head: Sequence[str], rows: Iterable[Sequence[Html]], *, caption: str = "", class_: str = ""
) -> Html:
    """A table that scrolls sideways where the screen is narrow; first cells are row headers."""
    top = tag("thead", tag("tr", *(tag("th", text(name), scope="col") for name in head)))
    body = tag("tbody", *(_row(cells) for cells in rows))
    title = [tag("caption", text(caption))] if caption else []
    return tag("div", tag("table", *title, top, body), class_=f"scroll {class_}".rstrip())


def _row(cells: Sequence[Html]) -> Html:
    first, *others = cells
    return tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in others))


def bar(figure: Mapping[str, Any], said: str) -> Html:
    """A share with its interval on a line from 0 to 1; nothing where it was not measured.

    Args:
        figure: ``value``, ``low`` and ``high`` in [0, 1].
        said: for those who cannot see it.
    """
    if figure.get("value") is None:
        return Html("")
    low, point, high = (_x(figure[part]) for part in ("low", "value", "high"))
    y = _MIDDLE
    drawn = [
        f'<line class="track" x1="{_x(0)}" y1="{y}" x2="{_x(1)}" y2="{y}"/>',
        f'<line class="range" x1="{low}" y1="{y}" x2="{high}" y2="{y}"/>',
        f'<circle class="point" cx="{point}" cy="{y}" r="4"/>',
    ]
    view = f"0 0 {_WIDTH} {2 * _MIDDLE}"
    return tag("svg", Html("".join(drawn)), class_="bar", viewBox=view, role="img", aria_label=said)


def _x(share: float) -> str:
    return f"{_MARGIN + share * (_WIDTH - 2 * _MARGIN):.1f}"


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
