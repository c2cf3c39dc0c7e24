from __future__ import annotations

import json

import pytest

from proxy.suites.tables import (
    Table,
    read_array,
    read_csv,
    read_lines,
    read_table,
    read_texts,
    read_yaml_list,
)


def _messages(table: Table) -> list[str]:
    return [str(problem) for problem in table.problems]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('\n[\n{"a": 1},\n\n{"a": 2}]', [3, 5]),
        ('{"a": 1}\n\n{"a": 2}\n', [1, 3]),
        ('a,b\n"1\n1",x\n2,y\n', [2, 4]),
        ("a\tb\n1\tx\n2\ty\n", [2, 3]),
        ("a;b\n1;x\n2;y\n", [2, 3]),
    ],
    ids=["array", "lines", "csv", "tabs", "semicolons"],
)
def test_read_table_knows_the_form_by_its_content_and_rows_by_their_lines(
    text: str, lines: list[int]
) -> None:
    """A JSON array, lines, or values separated by commas, tabs or semicolons."""
    table = read_table(text, "f")
    assert table.problems == ()
    assert table.has("a")
    assert [record.line for record in table.records] == lines


def test_read_array_equals_json() -> None:
    """Read element by element for the lines; nothing is read otherwise than json does."""
    rows = [{"a": "x]},", "b": [1, {"c": "é"}]}, {}, {"a": None}]
    for indent in (None, 2):
        table = read_array(json.dumps(rows, indent=indent), "f")
        assert [record.values for record in table.records] == rows
        assert [record.path for record in table.records] == ["[0]", "[1]", "[2]"]
    assert read_array("[ ]", "f") == Table()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1}', "f:1: this is not JSON: Expecting ',' delimiter."),
        ('[{"a": 1} {"b": 2}]', "f:1: this is not JSON: Expecting ',' delimiter."),
        ("[\n{,}]", "f:2: this is not JSON: Expecting property name enclosed in double quotes."),
        ('[{"a": 1},\n]', "f:2: this is not JSON: Illegal trailing comma."),
        ('[{"a": 1}]\nmore', "f:2: this is not JSON: Extra data."),
        ("[" * 100_000, "f:1: this is not JSON: it nests too deeply."),
        ("[1]", "f:1: [0]: this is a int, not an object like {"),
    ],
)
def test_read_array_says_what_is_wrong(text: str, message: str) -> None:
    """With the line."""
    (found,) = _messages(read_array(text, "f"))
    assert found.startswith(message)


def test_read_lines_goes_on_after_a_bad_line() -> None:
    """All mistakes at once."""
    table = read_lines('{"a": 1}\n{\n[]\n{"a": 2}', "f")
    assert [record.line for record in table.records] == [1, 4]
    assert [problem.line for problem in table.problems] == [2, 3]


def test_read_csv_refuses_a_row_with_more_fields_than_columns() -> None:
    """An unquoted comma shifts everything behind it; missing fields are empty."""
    table = read_csv("a,b\n1,2,3\n4\n", "f")
    assert _messages(table) == [
        "f:2: this row has 3 fields, but there are 2 columns; quote texts with commas."
    ]
    assert [dict(record.values) for record in table.records] == [
        {"a": "1", "b": "2"},
        {"a": "4", "b": ""},
    ]


def test_read_yaml_list_has_lines_and_refuses_what_is_no_list_of_objects() -> None:
    """Problems of the YAML itself come with their lines, too."""
    table = read_yaml_list("- a: 1\n- 2\n-\n  a: 3\n", "f")
    assert [record.line for record in table.records] == [1, 4]
    assert _messages(table) == [
        'f:2: [1]: this is a int, not an object like {"prompt": …, "kind": …}.'
    ]
    (message,) = _messages(read_yaml_list("a: 1\n", "f"))
    assert message == "f:1: this is no list; write one `- prompt: …` for each prompt."
    assert read_yaml_list("- {a: 1, a: 2}\n", "f").problems


def test_read_texts_skips_blank_lines() -> None:
    """Which still count."""
    records = read_texts("How?\r\n\r\nWhy?\r\n").records
    assert [(r.line, r.values["prompt"].strip()) for r in records] == [(1, "How?"), (3, "Why?")]
