"""The fields that say what an answer has to look like → a grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.engine.gbnf import GrammarError, check_gbnf
from proxy.engine.json_grammar import json_grammar
from proxy.errors import RequestError


class Format(NamedTuple):
    """A grammar, and the request field that it comes from."""

    grammar: str
    field: str


def parse_format(given: Mapping[str, Any]) -> Format | None:
    """What the answer has to look like; None where it is free.

    Raises:
        RequestError: a field is wrong, cannot be followed, or there are two of them; names it.
    """
    found = [
        Format(text, field)
        for field, text in (
            ("grammar", _grammar(given.get("grammar", ""))),
            ("json_schema", _schema(given.get("json_schema"), "json_schema", strict=True)),
            ("response_format", _response_format(given.get("response_format", {"type": "text"}))),
        )
        if text is not None
    ]
    if len(found) > 1:
        raise _wrong(found[1].field, f"{found[0].field} says already what the answer looks like")
    return found[0] if found else None


def refused(error: GrammarError, field: str) -> RequestError:
    """A grammar or schema that cannot be followed, as the client is told."""
    return _wrong(field, str(error))


def _grammar(text: Any) -> str | None:
    if text == "":
        return None
    if not isinstance(text, str):
        raise _wrong("grammar", "must be a string in GBNF")
    try:
        check_gbnf(text)
    except GrammarError as error:
        raise refused(error, "grammar") from error
    return text


def _response_format(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, Mapping) else None
    match kind:
        case "text":
            return None
        case "json_object":
            # llama-server takes a schema here, too.
            return _schema(value.get("schema"), "response_format") or json_grammar()
        case "json_schema":
            inner = value.get("json_schema")
            if not isinstance(inner, Mapping) or "schema" not in inner:
                raise _wrong("response_format", "json_schema must have a schema")
            return _schema(inner["schema"], "response_format", strict=inner.get("strict") is True)
    raise _wrong("response_format", "type must be text, json_object or json_schema")


def _schema(schema: Any, field: str, *, strict: bool = False) -> str | None:
    if schema is None:
        return None
    try:
        grammar = json_grammar(schema, strict=strict)
        check_gbnf(grammar)
    except GrammarError as error:
        raise refused(error, field) from error
    return grammar


def _wrong(field: str, what: str) -> RequestError:
    return RequestError(f"{field}: {what}.", param=field)
