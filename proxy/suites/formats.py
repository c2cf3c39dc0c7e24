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
_XSTEST_COLUMNS = ("id", "prompt", "type", "label", "focus", "note")
_XSTEST_KINDS = {"safe": "benign", "unsafe": "harmful"}


def read_jsonl(text: str, file: str) -> Content:
    """One JSON object a line: prompt and kind, and where known category, lookalike and split."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
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
        tree = json.loads(text)
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
    missing = [name for name in _XSTEST_COLUMNS[:5] if name not in (reader.fieldnames or ())]
    if missing:
        return _failed(
            file,
            f"there is no column {', '.join(missing)}; XSTest has {', '.join(_XSTEST_COLUMNS)}.",
            1,
        )
    rows: list[Row] = []
    problems: list[Problem] = []
    line = reader.line_num + 1
    for values in reader:
        label, prompt_type = values["label"] or "", values["type"] or ""
        kind = _XSTEST_KINDS.get(label)
        if kind is None or (kind == "harmful") != prompt_type.startswith("contrast_"):
            problems.append(Problem(file, _mislabelled(label, prompt_type), line))
        else:
            category = of_xstest(prompt_type, values["focus"] or "")
            is_lookalike = kind == "benign"
            rows.append(Row(values["prompt"], kind, category, is_lookalike=is_lookalike, line=line))
        line = reader.line_num + 1
    return Content(tuple(rows), tuple(problems))


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
