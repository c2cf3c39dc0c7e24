"""Reads JSON schemas: what a schema allows, before anybody writes a grammar of it.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.engine.gbnf import GrammarError

MAX_DEPTH = 48

_MAX_INTEGER = 10**15 - 1
"""Exact in every JSON parser, those that read numbers as doubles included."""

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")

ANNOTATIONS = frozenset({
    "$anchor", "$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated",
    "description", "discriminator", "example", "examples", "format", "readOnly", "strict", "title",
    "writeOnly",
})  # fmt: skip
"""Keywords that do not narrow what is valid."""

_ENFORCED = frozenset({
    "$ref", "additionalProperties", "allOf", "anyOf", "const", "enum", "items", "maxItems",
    "maxLength", "minItems", "minLength", "oneOf", "prefixItems", "properties", "required", "type",
})  # fmt: skip
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})

# The type that a schema without `type` means, from the keywords it has.
_IMPLIED = {
    "properties": "object", "required": "object", "additionalProperties": "object",
    "items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array",
    "minLength": "string", "maxLength": "string", "pattern": "string",
}  # fmt: skip


def refuse_unenforced(schema: Mapping[str, Any], where: str) -> None:
    """Raise GrammarError for a keyword that narrows the schema and that no grammar expresses."""
    known = ANNOTATIONS | _ENFORCED
    if set(types(schema, where)) == {"integer"}:
        known |= _BOUNDS
    elif schema.get("minimum") == 0:
        known |= {"minimum"}
    for keyword in schema:
        if keyword not in known:
            raise wrong(where, f"the keyword {keyword[:80]!r} cannot be enforced")


def types(schema: Mapping[str, Any], where: str) -> Sequence[str]:
    """The types a schema allows; empty for any."""
    given = schema.get("type")
    if given is None:
        return [kind for keyword, kind in _IMPLIED.items() if keyword in schema][:1]
    allowed = [given] if isinstance(given, str) else given
    if not isinstance(allowed, list) or not allowed or not all(kind in TYPES for kind in allowed):
        raise wrong(where, f"type must be one of {', '.join(TYPES)}, or a list of them")
    return allowed


def merge(left: Any, right: Any, where: str) -> Any:
    """A schema for what both allow. Raises GrammarError where that takes more than a union."""
    if left is True or left == {}:
        return right
    if right is True:
        return left
    if not isinstance(left, Mapping) or not isinstance(right, Mapping):
        raise wrong(where, "a schema is an object or true")
    merged = dict(left)
    for keyword, value in right.items():
        if keyword not in merged or keyword in ANNOTATIONS or merged[keyword] == value:
            merged[keyword] = value
        elif keyword == "required" and isinstance(value, list):
            merged[keyword] = [*merged[keyword], *value]
        elif keyword == "properties" and isinstance(value, Mapping):
            both = dict(merged[keyword])
            for name, one in value.items():
                both[name] = merge(both[name], one, where) if name in both else one
            merged[keyword] = both
        else:
            raise wrong(where, f"{keyword[:80]!r} is said twice, differently")
    return merged


def resolve(document: Any, ref: Any, where: str) -> Any:
    """What ``$ref`` points to within `document`."""
    if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
        raise wrong(where, f"$ref must point into this schema, not {str(ref)[:80]!r}")
    found = document
    for part in ref.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            raise wrong(where, f"there is no {ref[:80]!r}")
        found = found[key]
    return found


def merge_all(document: Any, schema: Mapping[str, Any], where: str) -> Any:
    """A schema with its ``allOf`` worked into it."""
    merged: Any = {k: v for k, v in schema.items() if k != "allOf"}
    for part in filled_list(schema["allOf"], "allOf", where):
        resolved, n_steps = part, 0
        while isinstance(resolved, Mapping) and set(resolved) - ANNOTATIONS == {"$ref"}:
            resolved, n_steps = resolve(document, resolved["$ref"], where), n_steps + 1
            if n_steps > MAX_DEPTH:
                raise wrong(where, "$ref goes in a circle")
        merged = merge(merged, resolved, where)
    return merged


def integer_bounds(schema: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    """Lowest and highest integer, or None where the schema names no bounds."""
    bounds = {name: schema[name] for name in _BOUNDS if name in schema}
    if not bounds:
        return None
    for name, value in bounds.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Not asked of an integer: it may have more digits than a float can take.
        if not is_number or (isinstance(value, float) and not math.isfinite(value)):
            raise wrong(where, f"{name} must be a number")
    low = max(
        -_MAX_INTEGER,
        math.ceil(bounds.get("minimum", -_MAX_INTEGER)),
        math.floor(bounds.get("exclusiveMinimum", -_MAX_INTEGER - 1)) + 1,
    )
    high = min(
        _MAX_INTEGER,
        math.floor(bounds.get("maximum", _MAX_INTEGER)),
        math.ceil(bounds.get("exclusiveMaximum", _MAX_INTEGER + 1)) - 1,
    )
    if low > high:
        raise wrong(where, "no integer lies between its bounds")
    return low, high


def count(schema: Mapping[str, Any], keyword: str, where: str, *, default: int) -> int:
    """The value of a keyword that counts something."""
    value = schema.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise wrong(where, f"{keyword} must be a whole number from 0")
    return value


def filled_list(value: Any, keyword: str, where: str) -> list[Any]:
    """The value of a keyword that needs at least one element."""
    if not isinstance(value, list) or not value:
        raise wrong(where, f"{keyword} must be a list with something in it")
    return value


def wrong(where: str, what: str) -> GrammarError:
    """An error at a place within the schema."""
    return GrammarError(f"{where or 'the schema'}: {what}")
