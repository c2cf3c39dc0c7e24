"""The tables of docs/suites.md, written from the catalogue, so that they cannot differ from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.suites.catalogue import FORMATS
from proxy.suites.choice_formats import CHOICE_FORMATS, ChoiceFormat
from proxy.suites.files import Format

_INTRODUCTION = """\
# Suites that load by name

Generated from `proxy/suites/catalogue.py` and `proxy/suites/choice_formats.py` by `make docs`; do
not edit. [suites.md](suites.md) says what a suite is, and how its prompts are split and counted.

A suite is written `NAME:PATH`. Rows are those that were published: with fewer a suite is partial
and has no headline figure, with more it is another set and is refused. Licences are those of the
prompts; `unknown` where the source states none. No published set is part of this repository.
"""
_OWN = """\
Files of your own load as `csv:PATH`, `json:PATH`, `jsonl:PATH` or `yaml:PATH`; the built-in suite
is `builtin`.
"""


def markdown() -> str:
    """The page's text."""
    published = {name: form for name, form in FORMATS.items() if form.published_n is not None}
    lines = [
        _INTRODUCTION,
        "## Prompts",
        "",
        *_table(published),
        "",
        _OWN,
        "## Multiple choice",
        "",
        *_table(CHOICE_FORMATS),
    ]
    return "\n".join(lines) + "\n"


def _table(forms: Mapping[str, Format] | Mapping[str, ChoiceFormat]) -> Iterator[str]:
    yield "| name | what | rows | licence | where to get it |"
    yield "|---|---|---|---|---|"
    for name, form in forms.items():
        yield f"| `{name}` | {form.title} | {form.published_n:,} | {form.licence} | {form.source} |"
