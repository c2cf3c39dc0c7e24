"""JSON and JSON schemas as GBNF.

What a grammar from here lets through is always valid JSON of the schema; it may let through less
than the schema would. Properties come in the order of the schema, and no others where it names any.
Keywords that a grammar cannot express (``pattern``, ``multipleOf``, ``uniqueItems``, …) are refused
if `strict`, and otherwise not enforced, as OpenAI defines it for schemas without ``strict: true``.

Source: JSON Schema 2020-12; RFC 8259.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from proxy.engine.gbnf import GrammarError
from proxy.engine.integer_range import integers_between
from proxy.engine.json_schema import (
    ANNOTATIONS,
    MAX_DEPTH,
    count,
    filled_list,
    integer_bounds,
    merge,
    merge_all,
    refuse_unenforced,
    resolve,
    types,
    wrong,
)

MAX_RULES = 4_000
MAX_ITEMS = 1_000
"""A longer `maxItems` is cut to this."""

MAX_LENGTH = 2_000
"""The same for strings with a `maxLength`."""

# Whitespace is bounded, so that no answer runs away in it; `ws` stands where people break lines.
_COMMON = {
    "ws": '" "? | "\\n" [ \\t]{0,20}',
    "char": (
        r'[^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | '
        r'"u" ([0-9a-cefA-CEF] hex hex hex | [dD] [0-7] hex hex))'
    ),
    "hex": "[0-9a-fA-F]",
    "string": r'"\"" char* "\""',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,14})',
    "decimal": '("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?',
    "number": '"-"? decimal',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "member": 'string ":" ws value',
    "object": '"{" ws (member ("," ws member)*)? ws "}"',
    "array": '"[" ws (value ("," ws value)*)? ws "]"',
    "value": "object | array | string | number | boolean | null",
    "date": '[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])',
    "time": (
        '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{3})? '
        '("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])'
    ),
    "date-string": r'"\"" date "\""',
    "time-string": r'"\"" time "\""',
    "date-time-string": r'"\"" date "T" time "\""',
    "uuid": r'"\"" hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12} "\""',
}
_FORMATS = {
    "date": "date-string", "time": "time-string", "date-time": "date-time-string", "uuid": "uuid",
}  # fmt: skip


def json_grammar(schema: Any = None, *, strict: bool = False) -> str:
    """A grammar for one JSON value.

    Args:
        schema: a JSON schema; None for any object.
        strict: whether a keyword that cannot be enforced is refused.

    Raises:
        GrammarError: the schema is malformed, contradicts itself or cannot be followed.
    """
    rules = JsonRules()
    rules.add("root", rules.visit({"type": "object"} if schema is None else schema, strict=strict))
    return rules.text()


class JsonRules:
    """Collects the rules of a grammar that contains JSON."""

    def __init__(self) -> None:
        self._strict = False
        self._rules: dict[str, str] = {}
        self._refs: dict[str, str] = {}
        self._document: Any = {}

    def text(self) -> str:
        """The grammar."""
        needed = {**_COMMON, **self._rules}
        return "".join(f"{name} ::= {body}\n" for name, body in needed.items())

    def add(self, name: str, body: str) -> str:
        """A rule of one's own; returns its name."""
        self._rules[name] = body
        return name

    def visit(self, schema: Any, *, strict: bool = False) -> str:
        """The name of a rule for values of a whole schema, whose ``$ref`` are within it.

        Args:
            schema: see `json_grammar`.
            strict: see there, too.

        Raises:
            GrammarError: see there.
        """
        self._document, self._refs, self._strict = schema, {}, strict
        return self._visit(schema, "", 0)

    def _new(self, body: str) -> str:
        if len(self._rules) >= MAX_RULES:
            raise GrammarError("the schema is too large")
        return self.add(f"r{len(self._rules)}", body)

    def _visit(self, schema: Any, where: str, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise wrong(where, f"schemas may be nested {MAX_DEPTH} deep")
        if schema is True:
            return "value"
        if not isinstance(schema, Mapping):
            raise wrong(where, "a schema is an object or true")
        if self._strict:
            refuse_unenforced(schema, where)
        if "$ref" in schema:
            return self._visit_ref(schema, where, depth)
        if "allOf" in schema:
            return self._visit(merge_all(self._document, schema, where), where, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._visit_any(schema, keyword, where, depth)
        if "const" in schema or "enum" in schema:
            return self._visit_values(schema, where)
        return self._visit_types(schema, where, depth)

    def _visit_ref(self, schema: Mapping[str, Any], where: str, depth: int) -> str:
        ref = schema["$ref"]
        rest = {k: v for k, v in schema.items() if k != "$ref" and k not in ANNOTATIONS}
        target = resolve(self._document, ref, where)
        if rest:
            return self._visit(merge(target, rest, where), where, depth + 1)
        if ref not in self._refs:
            # Named before it is visited, because it may contain itself.
            name = self._refs[ref] = self._new("")
            self._rules[name] = self._visit(target, ref, depth + 1)
        return self._refs[ref]

    def _visit_any(self, schema: Mapping[str, Any], keyword: str, where: str, depth: int) -> str:
        rest = {k: v for k, v in schema.items() if k != keyword and k not in ANNOTATIONS}
        names = []
        for index, option in enumerate(filled_list(schema[keyword], keyword, where)):
            place = f"{where}/{keyword}/{index}"
            names.append(self._visit(merge(rest, option, place), place, depth + 1))
        return self._new(" | ".join(names))

    def _visit_values(self, schema: Mapping[str, Any], where: str) -> str:
        values = (
            [schema["const"]] if "const" in schema else filled_list(schema["enum"], "enum", where)
        )
        return self._new(" | ".join(literal(json_text(value)) for value in values))

    def _visit_types(self, schema: Mapping[str, Any], where: str, depth: int) -> str:
        names = [self._visit_type(kind, schema, where, depth) for kind in types(schema, where)]
        if not names:
            return "value"
        return names[0] if len(names) == 1 else self._new(" | ".join(names))

    def _visit_type(self, kind: str, schema: Mapping[str, Any], where: str, depth: int) -> str:
        match kind:
            case "object":
                return self._object(schema, where, depth)
            case "array":
                return self._array(schema, where, depth)
            case "string":
                return self._string(schema, where)
            case "integer":
                return self._integer(schema, where)
            case "number" if schema.get("minimum") == 0:
                return "decimal"
        return kind

    def _object(self, schema: Mapping[str, Any], where: str, depth: int) -> str:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(properties, Mapping):
            raise wrong(where, "properties must be an object")
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            raise wrong(where, "required must be a list of names")
        required = dict.fromkeys(required)  # looked up for each member, in the order given
        members = {**properties, **{name: True for name in required if name not in properties}}
        if not members:
            return self._map(schema, where, depth)
        # `first` is the rest of an object in which nothing was written yet, `more` of any other.
        first, more = '""', ""
        for name, value in reversed(members.items()):
            kind = self._visit(value, f"{where}/properties/{name}"[:80], depth + 1)
            member = self._new(f'{literal(json_text(name))} ":" ws {kind}')
            if name in required:
                first, more = f"{member} {more}", self._new(f'"," ws {member} {more}')
            else:
                first = f"{member} {more} | {first}"
                more = self._new(f'("," ws {member})? {more}')
            first = self._new(first)
        return self._new(f'"{{" ws {first} ws "}}"')

    def _map(self, schema: Mapping[str, Any], where: str, depth: int) -> str:
        """An object without named members."""
        values = schema.get("additionalProperties", True)
        if values is False:
            return self._new('"{" ws "}"')
        kind = self._visit(values, f"{where}/additionalProperties", depth + 1)
        if kind == "value":
            return "object"
        member = self._new(f'string ":" ws {kind}')
        return self._new(f'"{{" ws ({member} ("," ws {member})*)? ws "}}"')

    def _array(self, schema: Mapping[str, Any], where: str, depth: int) -> str:
        low = count(schema, "minItems", where, default=0)
        high = min(count(schema, "maxItems", where, default=MAX_ITEMS), MAX_ITEMS)
        fixed = schema.get("prefixItems", [])
        if fixed:
            kinds = [
                self._visit(item, f"{where}/prefixItems/{index}", depth + 1)
                for index, item in enumerate(filled_list(fixed, "prefixItems", where))
            ]
            if not low <= len(kinds) <= high:
                raise wrong(where, "prefixItems are written in full, which the limits forbid")
            return self._new('"[" ws ' + ' "," ws '.join(kinds) + ' ws "]"')
        if low > high:
            raise wrong(where, f"minItems must be at most maxItems and {MAX_ITEMS}")
        if high == 0:
            return self._new('"[" ws "]"')
        kind = self._visit(schema.get("items", True), f"{where}/items", depth + 1)
        is_open = "maxItems" not in schema
        more = f'("," ws {kind}){{{max(low - 1, 0)},{"" if is_open else high - 1}}}'
        body = f"{kind} {more}"
        return self._new(f'"[" ws {body} ws "]"' if low else f'"[" ws ({body})? ws "]"')

    def _string(self, schema: Mapping[str, Any], where: str) -> str:
        kind = schema.get("format")
        if isinstance(kind, str) and kind in _FORMATS:
            return _FORMATS[kind]
        if "minLength" not in schema and "maxLength" not in schema:
            return "string"
        low = count(schema, "minLength", where, default=0)
        high = min(count(schema, "maxLength", where, default=MAX_LENGTH), MAX_LENGTH)
        if low > high:
            raise wrong(where, f"minLength must be at most maxLength and {MAX_LENGTH}")
        is_open = "maxLength" not in schema
        return self._new(rf'"\"" char{{{low},{"" if is_open else high}}} "\""')

    def _integer(self, schema: Mapping[str, Any], where: str) -> str:
        bounds = integer_bounds(schema, where)
        return "integer" if bounds is None else self._new(integers_between(*bounds))


def literal(text: str) -> str:
    """A GBNF string that matches just `text`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\x00")
    return f'"{escaped}"'


def json_text(value: Any) -> str:
    """A value as the one JSON text that grammars and prompts use for it."""
    return json.dumps(value, ensure_ascii=False)
