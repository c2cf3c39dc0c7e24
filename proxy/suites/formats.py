"""Readers of the files people already have; each turns one file's text into rows."""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Iterator
from typing import Any

from proxy.errors import Problem
from proxy.suites.categories import CATQA, of_catqa, of_xstest
from proxy.suites.rows import Content, Row

_JSONL_KEYS = ("prompt", "kind", "category", "lookalike", "split")
_XSTEST_COLUMNS = ("prompt", "type", "label", "focus")
_XSTEST_KINDS = {"safe": "benign", "unsafe": "harmful"}


def read_jsonl(text: str, file: str) -> Content:
    """One JSON object a line: prompt and kind, and where known category, lookalike and split."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = _parse(line)
        except json.JSONDecodeError as error:
            problems.append(Problem(file, f"this line is not JSON: {error.msg}.", number))
            continue
        if not isinstance(values, dict):
            problems.append(Problem(file, _not_an_object(values), number))
            continue
        problems += (
            Problem(file, _unknown(key), number) for key in values if key not in _JSONL_KEYS
        )
        rows.append(
            Row(
                text=values.get("prompt"),
                kind=values.get("kind"),
                category=values.get("category", "other"),
                split=values.get("split"),
                is_lookalike=values.get("lookalike", False),
                line=number,
            )
        )
    return Content(tuple(rows), tuple(problems))


def read_catqa(text: str, file: str) -> Content:
    """CatQA: a JSON object of categories, of objects of sub-categories, of lists of questions.

    Source: github.com/declare-lab/red-instruct, harmful_questions/catqa_*.json.
    """
    try:
        tree = _parse(text)
    except json.JSONDecodeError as error:
        return _failed(file, f"this is not JSON: {error.msg}.", error.lineno)
    if not isinstance(tree, dict):
        return _failed(file, "CatQA is a JSON object of categories, and this is something else.")
    problems = [
        Problem(file, f"CatQA has no such category; it has {', '.join(CATQA)}.", path=category)
        for category in tree
        if category not in CATQA
    ]
    rows: list[Row] = []
    at = 0
    for category, sub_category, index, question in _catqa_leaves(tree):
        at, line = _find(text, question, at)
        path = f"{category}.{sub_category}[{index}]"
        mapped = of_catqa(category, sub_category)
        rows.append(Row(question, "harmful", mapped, line=line, path=path))
    return Content(tuple(rows), tuple(problems))


def read_xstest(text: str, file: str) -> Content:
    """XSTest's prompts as CSV: safe prompts are look-alikes, unsafe ones are their contrasts.

    Source: github.com/paul-rottger/xstest, xstest_prompts.csv.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        missing = [name for name in _XSTEST_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            return _failed(file, _lacking(missing), 1)
        parsed = [_xstest_row(values, line, file) for line, values in _numbered(reader)]
    except csv.Error as error:
        return _failed(file, f"this is not CSV: {error}.", reader.line_num)
    return Content(
        tuple(one for one in parsed if isinstance(one, Row)),
        tuple(one for one in parsed if isinstance(one, Problem)),
    )


def _numbered(reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with the line each begins on; a quoted field may run over several."""
    line = reader.line_num + 1
    for values in reader:
        yield line, {name: value or "" for name, value in values.items() if name in _XSTEST_COLUMNS}
        line = reader.line_num + 1


def _xstest_row(values: dict[str, str], line: int, file: str) -> Row | Problem:
    label, prompt_type = values["label"], values["type"]
    kind = _XSTEST_KINDS.get(label)
    if kind is None or (kind == "harmful") != prompt_type.startswith("contrast_"):
        return Problem(file, _mislabelled(label, prompt_type), line)
    category = of_xstest(prompt_type, values["focus"])
    return Row(values["prompt"], kind, category, is_lookalike=kind == "benign", line=line)


def _catqa_leaves(tree: dict[str, Any]) -> Iterator[tuple[str, str, int, Any]]:
    """(category, sub-category, index, question); whatever is not a question is one at index 0."""
    for category, subs in tree.items():
        for sub_category, questions in (subs if isinstance(subs, dict) else {"": None}).items():
            listed = questions if isinstance(questions, list) else [questions]
            for index, question in enumerate(listed):
                yield category, sub_category, index, question


def _find(text: str, value: Any, start: int) -> tuple[int, int | None]:
    """Where a JSON string stands at or after ``start``: its end and its line, if it is found.

    JSON keeps no positions, but strings are read in file order, so a moving mark finds each.
    """
    if isinstance(value, str):
        for quoted in (json.dumps(value, ensure_ascii=False), json.dumps(value)):
            at = text.find(quoted, start)
            if at >= 0:
                return at + len(quoted), text.count("\n", 0, at) + 1
    return start, None


def _failed(file: str, message: str, line: int | None = None) -> Content:
    return Content(problems=(Problem(file, message, line),))


def _parse(text: str) -> Any:
    """Like json.loads, for texts that nest beyond Python's recursion limit, too."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("it nests too deeply", text, 0) from error


def _lacking(columns: list[str]) -> str:
    return f"there is no column {', '.join(columns)}; XSTest has {', '.join(_XSTEST_COLUMNS)}."


def _not_an_object(value: Any) -> str:
    return f'this line is a {type(value).__name__}, not an object like {{"prompt": …, "kind": …}}.'


def _unknown(key: str) -> str:
    close = difflib.get_close_matches(key, _JSONL_KEYS, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else f"It may have {', '.join(_JSONL_KEYS)}."
    return f"no such field: {key!r:.80}. {hint}"


def _mislabelled(label: str, prompt_type: str) -> str:
    return (
        f"label {label!r:.80} and type {prompt_type!r:.80} do not go together; XSTest labels "
        "types starting with contrast_ unsafe and all others safe."
    )
