"""Published tables as data: which columns hold what, so that a set is a line and not a reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.domain import Kind
from proxy.errors import Problem
from proxy.suites.categories import find
from proxy.suites.rows import Content, Reader, Row, shown
from proxy.suites.tables import Record, Table, read_table

_NAMES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Columns:
    """How a published table makes prompts. Column names are compared without case.

    Args:
        prompt: names under which the prompt's column is known; the first that is there is taken.
            A list of one text (a conversation's turns) is read as that text.
        kind: of all its prompts.
        is_lookalike: whether the source says that they are worded like harmful ones.
        category: names of the column with the set's own category; empty where it has none.
        categories: own category → ours, by :func:`proxy.suites.categories.find`.
        context: a column with text that goes before the prompt, where it is not empty.
        only: column → the value it must have; other rows belong to another set and are left out.
            A column that is missing lets every row pass.
    """

    prompt: tuple[str, ...]
    kind: Kind = "harmful"
    is_lookalike: bool = False
    category: tuple[str, ...] = ()
    categories: Mapping[str, str] = field(default_factory=dict)
    context: str = ""
    only: Mapping[str, str] = field(default_factory=dict)


def reader_of(columns: Columns) -> Reader:
    """A reader for a published table."""

    def read(text: str, file: str) -> Content:
        return read_rows(columns, read_table(text, file), file)

    return read


def read_rows(columns: Columns, table: Table, file: str) -> Content:
    """The rows of a table; a missing column or unknown category is one problem, not one a row."""
    table = _lower_case(table)
    missing = _missing(columns, table)
    if missing and (table.records or not table.problems):
        return Content(problems=(*table.problems, Problem(file, _lacking(missing, table), 1)))
    rows: list[Row] = []
    unknown: defaultdict[str, list[Record]] = defaultdict(list)
    for record in table.records:
        if any(record.values.get(name, want) != want for name, want in columns.only.items()):
            continue
        category: str | None = "other"
        if columns.category:
            own = str(record.values.get(_present(record, columns.category), ""))
            category = find(columns.categories, own)
            if category is None:
                unknown[own].append(record)
        rows.append(_row(columns, record, category or "other"))
    problems = (_unknown(columns, own, records, file) for own, records in unknown.items())
    return Content(tuple(rows), (*table.problems, *problems))


def _row(columns: Columns, record: Record, category: str) -> Row:
    name = _present(record, columns.prompt)
    text = record.values.get(name)
    if isinstance(text, list) and len(text) == 1:
        text = text[0]
    context = record.values.get(columns.context)
    if context and isinstance(context, str) and isinstance(text, str) and text.strip():
        text = f"{context}\n\n---\n\n{text}"
    return Row(
        text,
        columns.kind,
        category,
        is_lookalike=columns.is_lookalike,
        line=record.line,
        path=f"{record.path}.{name}".removeprefix("."),
    )


def _lower_case(table: Table) -> Table:
    records = (
        Record({str(k).lower(): v for k, v in one.values.items()}, one.line, one.path)
        for one in table.records
    )
    return Table(tuple(records), table.problems, tuple(name.lower() for name in table.columns))


def _missing(columns: Columns, table: Table) -> list[str]:
    """The columns that are needed and not there, each by the name its source uses."""
    needed = [names for names in (columns.prompt, columns.category) if names]
    return [names[0] for names in needed if not any(table.has(name) for name in names)]


def _present(record: Record, names: tuple[str, ...]) -> str:
    """The first of the names that the record has; the source's own name where it has none."""
    return next((name for name in names if name in record.values), names[0])


def _lacking(missing: list[str], table: Table) -> str:
    there = table.columns or tuple(dict.fromkeys(key for r in table.records for key in r.values))
    has = ", ".join(there[:_NAMES_SHOWN]) or "nothing"
    return (
        f"there is no column {', '.join(missing)} (it has {has:.200}). Is this the file of that "
        "suite? Other tables load as csv:PATH or jsonl:PATH with columns prompt and kind."
    )


def _unknown(columns: Columns, own: str, records: list[Record], file: str) -> Problem:
    known = ", ".join(columns.categories)
    message = (
        f"{columns.category[0]} is {shown(own)} in {len(records)} row(s), but this suite's "
        f"categories are {known:.400}. Correct it, or load a changed copy as csv:PATH."
    )
    return Problem(file, message, records[0].line, records[0].path)
