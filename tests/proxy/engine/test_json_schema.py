from __future__ import annotations

from typing import Any

import pytest

from proxy.engine.gbnf import GrammarError
from proxy.engine.json_schema import integer_bounds, merge, merge_all, resolve, types


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, ["string"]),
        ({"type": ["string", "null"]}, ["string", "null"]),
        ({"properties": {}}, ["object"]),
        ({"minItems": 2}, ["array"]),
        ({"description": "anything"}, []),
    ],
)
def test_types_are_said_or_implied(schema: dict[str, Any], expected: list[str]) -> None:
    """By the keywords that make sense for one type only."""
    assert list(types(schema, "")) == expected


def test_merge_allows_what_both_allow() -> None:
    """Members of both, and what both require."""
    left = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    right = {"properties": {"a": {"maxLength": 3}, "b": True}, "required": ["b"]}
    assert merge(left, right, "") == {
        "type": "object",
        "properties": {"a": {"type": "string", "maxLength": 3}, "b": True},
        "required": ["a", "b"],
    }
    assert merge(True, right, "") == right == merge(right, True, "")


def test_contradiction_is_refused() -> None:
    """Rather than one of the two dropped."""
    with pytest.raises(GrammarError, match="'type' is said twice"):
        merge({"type": "string"}, {"type": "null"}, "")


def test_references_within_the_document_are_followed() -> None:
    """Names with a slash in them are escaped as JSON pointers are."""
    document = {"$defs": {"a/b": {"type": "null"}, "x": {"$ref": "#/$defs/a~1b"}}}
    assert resolve(document, "#/$defs/a~1b", "") == {"type": "null"}
    assert merge_all(document, {"allOf": [{"$ref": "#/$defs/x"}]}, "") == {"type": "null"}
    for ref in ("http://host/x", "#/$defs/none", 5):
        with pytest.raises(GrammarError):
            resolve(document, ref, "")


def test_references_in_a_circle_are_refused() -> None:
    """They describe nothing."""
    document = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    with pytest.raises(GrammarError, match="circle"):
        merge_all(document, {"allOf": [{"$ref": "#/$defs/a"}]}, "")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, None),
        ({"minimum": 1.5, "maximum": 7}, (2, 7)),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 7}, (2, 6)),
        ({"exclusiveMinimum": 1.5, "exclusiveMaximum": 6.5}, (2, 6)),
        ({"minimum": -(10**400), "maximum": 10**400}, (-(10**15) + 1, 10**15 - 1)),
        ({"minimum": -(10**30)}, (-(10**15) + 1, 10**15 - 1)),
    ],
)
def test_bounds_of_integers(schema: dict[str, Any], expected: tuple[int, int] | None) -> None:
    """Of what is left between them, the lowest and the highest."""
    assert integer_bounds(schema, "") == expected


@pytest.mark.parametrize("bad", [{"minimum": "x"}, {"minimum": 3, "maximum": 2}, {"maximum": True}])
def test_bounds_that_leave_nothing_are_refused(bad: dict[str, Any]) -> None:
    """Or that are no numbers."""
    with pytest.raises(GrammarError):
        integer_bounds(bad, "")
