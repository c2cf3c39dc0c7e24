from __future__ import annotations

from typing import Any

import pytest

from proxy.backends.local_format import Format, parse_format
from proxy.engine.json_grammar import json_grammar
from proxy.errors import RequestError

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"response_format": {"type": "text"}, "grammar": ""}, None),
        ({"grammar": 'root ::= "x"'}, Format('root ::= "x"', "grammar")),
        ({"json_schema": SCHEMA}, Format(json_grammar(SCHEMA), "json_schema")),
        (
            {"response_format": {"type": "json_object"}},
            Format(json_grammar(), "response_format"),
        ),
        (
            {"response_format": {"type": "json_object", "schema": SCHEMA}},
            Format(json_grammar(SCHEMA), "response_format"),
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
            Format(json_grammar(SCHEMA), "response_format"),
        ),
    ],
)
def test_every_field_is_a_grammar(fields: dict[str, Any], expected: Format | None) -> None:
    """OpenAI's, and llama-server's own."""
    assert parse_format(fields) == expected


def schema_format(schema: Any, *, strict: bool) -> dict[str, Any]:
    """OpenAI's way of sending a schema."""
    inner = {"name": "x", "schema": schema, "strict": strict}
    return {"response_format": {"type": "json_schema", "json_schema": inner}}


def test_strict_schema_is_enforced_whole_or_refused() -> None:
    """Without `strict` what a grammar cannot express is left to the model."""
    schema = {"type": "string", "pattern": "a+"}
    assert parse_format(schema_format(schema, strict=False))
    with pytest.raises(RequestError, match="pattern"):
        parse_format(schema_format(schema, strict=True))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"grammar": 5}, "grammar"),
        ({"grammar": "root ::= a"}, "grammar"),
        ({"json_schema": {"type": "x"}}, "json_schema"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format"),
        (schema_format({"$ref": "#/x"}, strict=False), "response_format"),
        (schema_format({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, strict=False),
         "response_format"),
        ({"grammar": 'root ::= "x"', "json_schema": {}}, "json_schema"),
    ],
)  # fmt: skip
def test_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    """Two of them at once are wrong, too."""
    with pytest.raises(RequestError) as caught:
        parse_format(fields)
    assert caught.value.param == param
    assert caught.value.message.startswith(param)
