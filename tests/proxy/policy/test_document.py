"""YAML as data with lines, within limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.document import MAX_PROBLEMS, Document, Mark, dotted, read_yaml


def read(text: str | bytes) -> Document:
    """Read YAML from text."""
    return read_yaml(Path("x.yaml"), text=text)


def test_every_value_has_its_line_and_its_spelling() -> None:
    """Keys, items and nested values."""
    document = read("a: 1\nb:\n  - no\n  - c: 'x'\n")
    assert document.data == {"a": 1, "b": [False, {"c": "x"}]}
    assert document.marks["a",] == Mark(1, "1")
    assert document.marks["b", 0] == Mark(3, "no")
    assert document.marks["b", 1, "c"] == Mark(4, "x")


def test_a_missing_value_has_the_line_of_what_should_hold_it() -> None:
    """The nearest place that exists."""
    document = read("a:\n\n  b: 1\n")
    assert document.mark(("a", "c", 3)) == Mark(1)


def test_a_location_reads_as_people_write_it() -> None:
    """Dots and brackets."""
    assert dotted(("demonstrations", 1, "user")) == "demonstrations[1].user"


def test_an_empty_document_is_none_without_a_problem() -> None:
    """Settings may be empty."""
    assert read("# only a comment\n").data is None
    assert read("").problems == ()


def test_an_alias_is_read_with_its_line() -> None:
    """Anchors are allowed within limits."""
    document = read("a: &x {b: 1}\nc: *x\n")
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.mark(("c", "b")) == Mark(2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: *x\n", "refers to no `&x`"),
        ("a: &x [*x]\n", "refers to no `&x`"),
        ("? [a]\n: 1\n", "a key must be plain text"),
        ("a: {b: 1\n", "not valid YAML"),
        ("%FOO\n", "not valid YAML"),
        ("a: @b\n", "needs quotes"),
        ("a: 2026-13-45\n", "is not a date of the calendar"),
        ("a: " + "9" * 5000 + "\n", "is not a readable number"),
        ("a: 0x" + "F" * 6000 + "\n", "a number is too long"),
        ("%YAML " + "1" * 5000 + ".1\n---\na: 1\n", "a number is too long"),
        ('a: "\\UD83DDE00"\n', "names no character"),
        ('a: "\\UFFFFFFFF"\n', "names no character"),
        ("a: 0x10\n", "reads 0x10 as 16"),
        ("a: 1:30\n", "reads 1:30 as 90"),
        ("a: .inf\nb: .nan\na: 2\n", "given twice"),
    ],
)
def test_a_document_that_readers_disagree_on_is_refused(text: str, said: str) -> None:
    """With a reason."""
    assert said in str(read(text).problems[0])


def test_an_escape_that_names_no_character_is_told_with_its_line() -> None:
    """PyYAML itself raises something that knows of no line."""
    (problem,) = read('a: 1\nb: "x\n  \\U00110000"\nc: 1\n').problems
    assert problem.line == 3


def test_quoted_scalars_are_text_whatever_they_look_like() -> None:
    """Quotes are the remedy in many messages, so they work."""
    text = 'a: "no"\nb: \'1e-5\'\nc: "010"\nd: |\n  yes\n'
    assert read(text).data == {"a": "no", "b": "1e-5", "c": "010", "d": "yes\n"}
    assert read(text).problems == ()


def test_the_marks_of_a_key_given_twice_are_those_of_the_last() -> None:
    """The value that counts is the one that is checked."""
    document = read("a: {b: 1, c: 2}\na:\n  b: 2\n")
    assert document.data == {"a": {"b": 2}}
    assert document.marks["a", "b"] == Mark(3, "2")
    assert ("a", "c") not in document.marks


def test_a_file_full_of_mistakes_is_left_early() -> None:
    """Work and report stay bounded."""
    document = read("a: 1\n" * 5000)
    assert len(document.problems) == MAX_PROBLEMS + 1
    assert "too many mistakes" in str(document.problems[-1])


def test_a_missing_file_is_a_problem_not_an_exception(tmp_path: Path) -> None:
    """Reading never raises."""
    document = read_yaml(tmp_path / "none.yaml")
    assert document.data is None
    assert "no such file" in str(document.problems[0])


@given(st.text() | st.binary())
def test_reading_never_raises(text: str | bytes) -> None:
    """Whatever the bytes: there is data, or nothing, or a problem."""
    document = read(text)
    assert document.data is None or not isinstance(document.data, set)
