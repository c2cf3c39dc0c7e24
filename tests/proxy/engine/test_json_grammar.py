from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.gbnf import GrammarError, check_gbnf
from proxy.engine.json_grammar import json_grammar, json_text, literal
from tests.proxy.engine.gbnf_writer import GbnfWriter
from tests.proxy.engine.schema_check import assert_valid

NAMES = st.text(alphabet='ab"\\\n é{', min_size=1, max_size=4)
LEAVES = st.one_of(
    st.sampled_from([
        True, {}, {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"},
        {"type": "null"}, {"type": ["string", "null"]}, {"type": "number", "minimum": 0},
        {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"},
        {"type": "string", "format": "uuid"}, {"format": "email"}, {"type": "object"},
        {"type": "array"}, {"type": "object", "additionalProperties": False},
    ]),
    st.builds(
        lambda a, b: {"type": "integer", "minimum": min(a, b), "maximum": max(a, b)},
        st.integers(-999, 9999), st.integers(-999, 9999),
    ),
    st.builds(
        lambda a, b: {"type": "string", "minLength": a, "maxLength": a + b},
        st.integers(0, 3), st.integers(0, 3),
    ),
    st.lists(st.one_of(NAMES, st.integers(), st.none(), st.lists(NAMES)), min_size=1, max_size=3)
    .map(lambda values: {"enum": values}),
)  # fmt: skip


def _object(properties: dict[str, Any], required: list[str], *, is_closed: bool) -> dict[str, Any]:
    names = [name for name in required if name in properties or not is_closed]
    closed = {"additionalProperties": False} if is_closed else {}
    return {"type": "object", "properties": properties, "required": names, **closed}


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(
            _object,
            st.dictionaries(NAMES, inner, max_size=4),
            st.lists(NAMES, max_size=3, unique=True),
            is_closed=st.booleans(),
        ),
        st.builds(
            lambda items, a, b: {"type": "array", "items": items, "minItems": a, "maxItems": a + b},
            inner, st.integers(0, 2), st.integers(0, 2),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda kinds: {"anyOf": kinds}),
        st.lists(inner, min_size=1, max_size=2).map(
            lambda kinds: {"type": "array", "prefixItems": kinds, "items": False}
        ),
        inner.map(lambda values: {"type": "object", "additionalProperties": values}),
    )  # fmt: skip


SCHEMAS = st.recursive(LEAVES, _containers, max_leaves=8)


class Name(str):
    """A property's name that counts how often it is compared."""

    __slots__ = ()
    n_compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.n_compared += 1
        return str.__eq__(self, other)


def test_required_names_are_looked_up_and_not_searched_for() -> None:
    """A client may send thousands."""
    names = [f"p{n}" for n in range(500)]
    required = [Name(name) for name in names]
    json_grammar({"properties": dict.fromkeys(names, True), "required": required})
    assert Name.n_compared < 10 * len(names)


@settings(max_examples=150, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_every_text_of_the_grammar_is_json_of_the_schema(schema: Any, seed: int) -> None:
    """Whatever the schema, and wherever a random walk through its grammar goes."""
    grammar = json_grammar(schema, strict=True)
    check_gbnf(grammar)
    writer = GbnfWriter(grammar, random.Random(seed))
    for _ in range(3):
        value = json.loads(writer.write())
        assert_valid(value, schema)


def test_without_a_schema_it_is_an_object() -> None:
    """`json_object`, as OpenAI means it."""
    writer = GbnfWriter(json_grammar(), random.Random(1))
    assert all(isinstance(json.loads(writer.write()), dict) for _ in range(20))


def test_schema_that_contains_itself() -> None:
    """A tree, by $ref; `allOf` and siblings are merged."""
    schema = {
        "$defs": {
            "named": {"type": "object", "properties": {"name": {"type": "string"}}},
            "node": {
                "allOf": [{"$ref": "#/$defs/named"}],
                "properties": {"child": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                "required": ["name", "child"],
            },
        },
        "$ref": "#/$defs/node",
    }
    writer = GbnfWriter(json_grammar(schema, strict=True), random.Random(2))
    for _ in range(20):
        assert_valid(json.loads(writer.write()), schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (5, "object or true"),
        (False, "object or true"),
        ({"type": "strin"}, "type must be one of"),
        ({"type": "string", "pattern": "a+"}, "'pattern' cannot be enforced"),
        ({"type": "number", "minimum": 3}, "'minimum' cannot be enforced"),
        ({"properties": {"a": {"not": {}}}}, "/properties/a: the keyword 'not'"),
        ({"$ref": "#/$defs/x"}, "there is no"),
        ({"enum": []}, "enum must be a list"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "minItems"),
        ({"type": "array", "minItems": "3"}, "whole number"),
        ({"type": "string", "minLength": 5000}, "minLength"),
        ({"properties": []}, "properties"),
        ({"required": "a"}, "required"),
        ({"type": "array", "prefixItems": [True], "minItems": 2}, "prefixItems"),
    ],
)
def test_schema_that_cannot_be_followed_is_refused(schema: Any, message: str) -> None:
    """Naming the place and the keyword."""
    with pytest.raises(GrammarError, match=message):
        json_grammar(schema, strict=True)


def test_keywords_beyond_a_grammar_pass_where_it_is_not_strict() -> None:
    """As OpenAI has it: the rest of the schema still holds."""
    grammar = json_grammar({"type": "string", "pattern": "^a+$", "maxLength": 2})
    assert "char{0,2}" in grammar


@pytest.mark.parametrize("depth", [60, 500])
def test_nesting_is_bounded(depth: int) -> None:
    """Python's stack is not the limit."""
    schema: Any = True
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    with pytest.raises(GrammarError, match="nested"):
        json_grammar(schema)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_literal_writes_just_its_text(text: str) -> None:
    """Whatever it contains."""
    grammar = f"root ::= {literal(text)}"
    check_gbnf(grammar)
    assert GbnfWriter(grammar, random.Random(0)).write() == text
    assert json.loads(json_text(text)) == text
