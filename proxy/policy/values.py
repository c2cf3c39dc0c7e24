"""The kinds of value that a decoding setting takes, and how each is read from a policy file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from proxy.policy.rules import Value

At = tuple[str | int, ...]
"""Where a value stands inside its setting."""


@dataclass(slots=True)
class Mistakes:
    """Collects every mistake in one value, so that all are reported at once."""

    found: list[InitErrorDetails] = field(default_factory=list)

    def add(self, kind: str, at: At, given: Any, **context: Any) -> None:
        """Note one of pydantic's own mistakes, by the name of its type."""
        self.found.append(InitErrorDetails(type=kind, loc=at, input=given, ctx=context))

    def say(self, sentence: str, at: At, given: Any) -> None:
        """Note a mistake in our own words; braces in the sentence are kept."""
        told = PydanticCustomError("policy", "{sentence}", {"sentence": sentence})
        self.found.append(InitErrorDetails(type=told, loc=at, input=given))

    def raise_any(self) -> None:
        """Raise pydantic's ValidationError if there is any; pydantic merges it into its own."""
        if self.found:
            raise ValidationError.from_exception_data("setting", self.found)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in [minimum, maximum].

    Args:
        minimum: lowest value a policy may give.
        maximum: highest value a policy may give.
        is_whole: whether only whole numbers count.
        unlimited_below: values under this one mean *no limit* to the backends that take them, as
            ``max_tokens: -1`` and ``top_k: 0`` do; a clamp must not mistake them for small.
    """

    minimum: float
    maximum: float
    is_whole: bool = False
    unlimited_below: int | None = None

    def read(self, given: Any, at: At, mistakes: Mistakes) -> float | None:
        """Return the number, or None after noting what is wrong with it."""
        if isinstance(given, bool) or not isinstance(given, int | float):
            mistakes.add("int_type" if self.is_whole else "float_type", at, given)
        elif isinstance(given, float) and not math.isfinite(given):
            mistakes.add("finite_number", at, given)
        elif self.is_whole and not isinstance(given, int):
            mistakes.add("int_from_float", at, given)
        elif given < self.minimum:
            mistakes.add("greater_than_equal", at, given, ge=self.minimum)
        elif given > self.maximum:
            mistakes.add("less_than_equal", at, given, le=self.maximum)
        else:
            return given if self.is_whole else float(given) + 0.0  # -0.0 becomes 0.0
        return None

    def asked(self, given: Any) -> float | None:
        """Read what a client asked for: a number, ``inf`` for *no limit*, None for no number."""
        if isinstance(given, bool) or not isinstance(given, int | float):
            return None
        # A whole number of JSON's may be larger than any float, and math would raise.
        if isinstance(given, float) and (
            math.isnan(given) or (self.is_whole and not given.is_integer())
        ):
            return None
        if self.unlimited_below is not None and given < self.unlimited_below:
            return math.inf
        return given

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the bare value."""
        kind = "integer" if self.is_whole else "number"
        return {"type": kind, "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Texts:
    """One string or a list of them, such as stop strings."""

    max_items: int = 16

    def read(self, given: Any, at: At, mistakes: Mistakes) -> Value | None:
        """Return the strings, or None after noting what is wrong with them."""
        items = [given] if isinstance(given, str) else given
        if not isinstance(items, list | tuple):
            mistakes.add("tuple_type", at, given)
        elif not 1 <= len(items) <= self.max_items:
            mistakes.say(f"has {len(items)} strings; give 1 to {self.max_items}.", at, given)
        else:
            before = len(mistakes.found)
            for index, item in enumerate(items):
                _read_text(item, (*at, index) if items is given else at, mistakes)
            return tuple(items) if len(mistakes.found) == before else None
        return None

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the bare value."""
        text = {"type": "string", "minLength": 1}
        many = {"type": "array", "items": text, "minItems": 1, "maxItems": self.max_items}
        return {"anyOf": [text, many]}


@dataclass(frozen=True, slots=True)
class Biases:
    """Token id → what is added to its logit."""

    bias: Number = Number(-100.0, 100.0)
    max_items: int = 1024

    def read(self, given: Any, at: At, mistakes: Mistakes) -> Value | None:
        """Return the biases, or None after noting what is wrong with them."""
        if not isinstance(given, Mapping):
            mistakes.say("needs a mapping of token ids to biases, such as {1234: -5.0}.", at, given)
            return None
        before = len(mistakes.found)
        if not 1 <= len(given) <= self.max_items:
            mistakes.say(f"has {len(given)} tokens; give 1 to {self.max_items}.", at, given)
        biases = {}
        for token, bias in given.items():
            if not (str(token).isascii() and str(token).isdigit()):
                mistakes.say("is no token id; token ids are whole numbers.", (*at, token), bias)
            elif (number := self.bias.read(bias, (*at, token), mistakes)) is not None:
                biases[str(token)] = number
        return biases if len(mistakes.found) == before else None

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the bare value."""
        return {
            "type": "object",
            "patternProperties": {"^[0-9]+$": self.bias.json_schema()},
            "additionalProperties": False,
            "minProperties": 1,
        }


def _read_text(item: Any, at: At, mistakes: Mistakes) -> None:
    if not isinstance(item, str):
        mistakes.add("string_type", at, item)
    elif not item:
        mistakes.say("is empty; a stop string needs at least one character.", at, item)
