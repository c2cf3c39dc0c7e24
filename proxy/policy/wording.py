"""What is said of a mistake: pydantic's error types in words, each with the value and a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

MAX_SHOWN_CHARS = 80

_SECRET = re.compile(
    r"(^|[_-])(api[_-]?keys?|secrets?|passwords?|authorization)$"
    r"|^((access|api|auth|bearer|hf)[_-]?)?token$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"^(sk-|bearer\s|hf_|ghp_)", re.IGNORECASE)
_LOOKS_NUMERIC = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?")


def shown(value: Any, *, name: str = "") -> str:
    """Return a value as a message may show it: on one line, cut, and never a secret.

    Args:
        value: what the user wrote.
        name: its key; a secret's value is not shown.
    """
    if _SECRET.search(name) or (isinstance(value, str) and _SECRET_VALUE.match(value)):
        return "(not shown)"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{_cut(value)}"' if isinstance(value, str) else _cut(str(value))


def printable(text: str) -> str:
    """Return a text as UTF-8 can carry it: with half surrogates escaped.

    YAML has them as an escape in quotes, and Python in a file name that is no UTF-8.
    """
    return text.encode(errors="backslashreplace").decode()


def suggestion(given: str, known: tuple[str, ...]) -> str:
    """Return `` Did you mean …?`` or the known names, with a leading space; empty without any."""
    if close := _closest(given, known):
        return f" Did you mean `{close}`?"
    if not known:
        return ""
    return " Known here: " + ", ".join(f"`{name}`" for name in known) + "."


def _closest(given: str, known: tuple[str, ...]) -> str | None:
    """The name that was meant, if one is near; exchanged letters are the likeliest slip.

    difflib compares runs, so by itself it prefers `mode` to `model` for `modle`.
    """
    near = get_close_matches(given.lower(), known, cutoff=0.6)
    letters = sorted(given.lower())
    exchanged = (name for name in near if sorted(name) == letters)
    return next(exchanged, near[0] if near else None)


def describe(error: Mapping[str, Any], *, known: tuple[str, ...], raw: str | None) -> str:
    """Say what is wrong, the value, and what to do.

    Args:
        error: one of pydantic's ``ErrorDetails``; ``ctx`` may hold, as ``unless``, what else is
            possible besides a longer list.
        known: the names that are allowed where the error is.
        raw: the scalar as written, which shows what YAML made of it; None for none.
    """
    name = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return _unknown_key(name, error["input"], known)
    if trap := _yaml_trap(error["type"], error["input"], raw):
        return trap
    return _sentence(error, value=shown(error["input"], name=name), name=name)


def _sentence(error: Mapping[str, Any], *, value: str, name: str) -> str:
    kind, context = error["type"], {"unless": ", or leave it out", **error.get("ctx", {})}
    if kind in _NEEDED:
        what = _NEEDED[kind]
        return (
            f"has no value; {what} is needed." if value == "nothing" else f"{value} is not {what}."
        )
    if kind in {"literal_error", "enum"}:
        return _not_one_of(value, context["expected"])
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(value=value, name=name, **context)
    message = str(error["msg"])
    return f"{message[:1].lower()}{message[1:]} ({value})."


def _cut(text: str) -> str:
    line = text.replace("\n", "\\n").replace("\t", "\\t")
    line = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)
    return line if len(line) <= MAX_SHOWN_CHARS else line[: MAX_SHOWN_CHARS - 1] + "…"


def _unknown_key(name: str, value: Any, known: tuple[str, ...]) -> str:
    close = _closest(name, known)
    hidden_by = close if close and _SECRET.search(close) else name
    return f"no such setting (value {shown(value, name=hidden_by)}).{suggestion(name, known)}"


def _yaml_trap(kind: str, value: Any, raw: str | None) -> str | None:
    """Explain a value that YAML 1.1 reads otherwise than people do."""
    if kind == "string_type" and raw is not None:
        if isinstance(value, bool):
            return f'YAML reads {raw} as {shown(value)}, not as text. Put it in quotes: "{raw}".'
        if value is not None and not isinstance(value, list | tuple | Mapping):
            return f'YAML reads {_cut(raw)} as {_kind(value)}. Put it in quotes: "{_cut(raw)}".'
    if kind in _NUMERIC and isinstance(value, str) and _LOOKS_NUMERIC.fullmatch(value):
        number = _as_number(value, is_whole=kind == "int_type")
        return f"YAML reads {_cut(value)} as text, not as a number. Write {number} without quotes."
    return None


def _as_number(text: str, *, is_whole: bool) -> str:
    """Return a number as every YAML reader takes it: YAML 1.1 wants a dot before an exponent."""
    number = float(text.replace("_", ""))
    if is_whole and number.is_integer():
        return str(int(number))
    mantissa, e, power = text.replace("_", "").lower().partition("e")
    if not e:
        return f"{number:g}"
    sign = "" if power[0] in "+-" else "+"
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{sign}{power}"


def _kind(value: Any) -> str:
    return "a number" if isinstance(value, int | float) else "a date"


def _not_one_of(value: str, expected: str) -> str:
    close = get_close_matches(value.strip('"').lower(), re.findall(r"'([^']*)'", expected), n=1)
    remedy = f" Did you mean `{close[0]}`?" if close else ""
    return f"{value} is not one of {expected}.{remedy}"


_NUMERIC = {"int_type", "float_type"}
_MAPPING = "a mapping, written as `key: value` lines"
_LIST = 'a list, such as ["…", "…"]'

_NEEDED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}

_SENTENCES = {
    "policy": "{sentence}",
    "missing": "is required, but missing. Add `{name}: …`.",
    "less_than_equal": "{value} is above the maximum, {le}.",
    "greater_than_equal": "{value} is below the minimum, {ge}.",
    "less_than": "{value} must be less than {lt}.",
    "greater_than": "{value} must be more than {gt}.",
    "union_tag_invalid": "{discriminator} `{tag}` is not one of {expected_tags}.",
    "union_tag_not_found": "needs {discriminator}.",
    "string_too_short": "is empty; text is needed.",
    "string_too_long": "is too long; at most {max_length:,} characters fit.",
    "string_unicode": "holds half a surrogate pair, which is no character.",
    "string_pattern_mismatch": "{value} does not match the pattern {pattern}",
    "too_short": "has {actual_length} items; at least {min_length} needed{unless}.",
    "too_long": "has too many items; at most {max_length} fit.",
    "finite_number": "{value} is not a finite number.",
    "int_from_float": "{value} is not a whole number.",
    "value_error": "{error}",
}
