"""Tables as people keep them: CSV, JSON lines, a JSON array, YAML, or one text a line.

Each becomes records with their lines. Published sets circulate in several of these (the authors'
CSV, an export to JSON lines), so the content decides, not the file's name.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxy.errors import Problem
from proxy.policy.document import read_yaml

_SPACE = re.compile(r"\s*")
_SURPLUS = "\0surplus"
_EXAMPLE = '{"prompt": …, "kind": …}'


@dataclass(frozen=True, slots=True)
class Record:
    """One row: column → value, the 1-based line it begins on, and its place in a nested file."""

    values: Mapping[str, Any]
    line: int | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What was read of a file: its records, and what is wrong beyond single records."""

    records: tuple[Record, ...] = ()
    problems: tuple[Problem, ...] = ()
    columns: tuple[str, ...] = field(default=())

    def has(self, column: str) -> bool:
        """Whether any record could have a value in the column."""
        return column in self.columns or any(column in record.values for record in self.records)


def read_table(text: str, file: str) -> Table:
    """A published table: a JSON array where it begins with ``[``, lines with ``{``, else CSV."""
    opening = text[:4096].lstrip()[:1]
    if opening == "[":
        return read_array(text, file)
    return read_lines(text, file) if opening == "{" else read_csv(text, file)


def read_csv(text: str, file: str) -> Table:
    """Values separated by commas, tabs or semicolons under one line of column names."""
    header = text.split("\n", 1)[0]
    delimiter = next((mark for mark in ",\t;" if mark in header), ",")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey=_SURPLUS)
    records: list[Record] = []
    problems: list[Problem] = []
    try:
        columns = tuple(reader.fieldnames or ())
        line = reader.line_num + 1  # of the row's begin: a quoted field may run over several
        for values in reader:
            surplus = values.pop(_SURPLUS, None)
            if surplus:
                message = (
                    f"this row has {len(columns) + len(surplus)} fields, but there are "
                    f"{len(columns)} columns; quote texts with commas."
                )
                problems.append(Problem(file, message, line))
            records.append(Record({name: value or "" for name, value in values.items()}, line))
            line = reader.line_num + 1
    except csv.Error as error:
        return Table(problems=(Problem(file, f"this is not CSV: {error}.", reader.line_num),))
    return Table(tuple(records), tuple(problems), columns)


def read_lines(text: str, file: str) -> Table:
    """One JSON object a line; blank lines count and are skipped."""
    records: list[Record] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = parse_json(line)
        except json.JSONDecodeError as error:
            problems.append(Problem(file, f"this line is not JSON: {error.msg}.", number))
            continue
        if isinstance(values, dict):
            records.append(Record(values, number))
        else:
            problems.append(Problem(file, f"this line is {_not_an_object(values)}", number))
    return Table(tuple(records), tuple(problems))


def read_array(text: str, file: str) -> Table:
    """A JSON array of objects."""
    records: list[Record] = []
    problems: list[Problem] = []
    try:
        for index, (line, values) in enumerate(_elements(text)):
            if isinstance(values, dict):
                records.append(Record(values, line, f"[{index}]"))
            else:
                message = f"this is {_not_an_object(values)}"
                problems.append(Problem(file, message, line, f"[{index}]"))
    except json.JSONDecodeError as error:
        problems.append(Problem(file, f"this is not JSON: {error.msg}.", error.lineno))
    return Table(tuple(records), tuple(problems))


def read_yaml_list(text: str, file: str) -> Table:
    """A YAML list of mappings, within the limits for policies: for sets written by hand."""
    document = read_yaml(Path(file), text=text)
    if document.problems:
        return Table(problems=document.problems)
    if not isinstance(document.data, list):
        message = "this is no list; write one `- prompt: …` for each prompt."
        return Table(problems=(document.problem((), message),))
    records: list[Record] = []
    problems: list[Problem] = []
    for index, values in enumerate(document.data):
        if isinstance(values, dict):
            mark = document.mark((index,))
            records.append(Record(values, mark.line if mark else None, f"[{index}]"))
        else:
            problems.append(document.problem((index,), f"this is {_not_an_object(values)}"))
    return Table(tuple(records), tuple(problems))


def read_texts(text: str) -> Table:
    """One prompt a line, as the column ``prompt``; blank lines count and are skipped."""
    lines = enumerate(text.split("\n"), start=1)
    records = (Record({"prompt": line}, number) for number, line in lines if line.strip())
    return Table(tuple(records), columns=("prompt",))


def parse_json(text: str) -> Any:
    """Like json.loads, for texts that nest beyond Python's recursion limit, too.

    Raises:
        json.JSONDecodeError: the text is not JSON, or nests too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("it nests too deeply", text, 0) from error


def _elements(text: str) -> Iterator[tuple[int, Any]]:
    """(line, value) of a JSON array's elements: json itself keeps no positions."""
    decode = json.JSONDecoder().raw_decode
    at = _skip(text, text.index("[") + 1)
    seen, line = 0, 1
    while text[at : at + 1] != "]":
        line += text.count("\n", seen, at)
        seen = at
        try:
            value, end = decode(text, at)
        except RecursionError as error:
            raise json.JSONDecodeError("it nests too deeply", text, at) from error
        yield line, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
            if text[at : at + 1] == "]":
                raise json.JSONDecodeError("Illegal trailing comma", text, at)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    after = _skip(text, at + 1)
    if after < len(text):
        raise json.JSONDecodeError("Extra data", text, after)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _not_an_object(value: Any) -> str:
    return f"a {type(value).__name__}, not an object like {_EXAMPLE}."
