"""One decoding setting: what it takes, what is neutral, and what a clamp makes of a request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from proxy.policy.rules import Clamp, Default, Enforce, Rule
from proxy.policy.values import Biases, Mistakes, Number, Texts
from proxy.policy.wording import shown, suggestion

FORM_KEYS = ("min", "max", "default")


@dataclass(frozen=True, slots=True)
class Setting:
    """Reads a setting's three forms: ``v``, ``{default: v}`` and ``{min: a, max: b, default: v}``.

    Used as ``Annotated[Rule | None, Setting(…)]`` on a field of the policy's ``decoding``.

    Args:
        takes: the kind of value.
        neutral: the value without effect or, where there is none, llama.cpp's own default;
            ``inf`` is *no limit*. None for a setting that has no order and so cannot be clamped.
    """

    takes: Number | Texts | Biases
    neutral: float | None = None

    @property
    def is_clampable(self) -> bool:
        """Whether ``min`` and ``max`` make sense."""
        return isinstance(self.takes, Number) and self.neutral is not None

    def read(self, given: Any) -> Rule:
        """Return the rule; raises pydantic's ValidationError with every mistake in it."""
        mistakes = Mistakes()
        if isinstance(given, Enforce | Default | Clamp):
            given = given.written()
        if self._is_form(given):
            rule = self._form(given, mistakes)
        else:
            value = self.takes.read(given, (), mistakes)
            rule = None if value is None else Enforce(value)
        mistakes.raise_any()
        if rule is None:  # pragma: no cover - a value without a rule has always left a mistake
            raise AssertionError(given)
        return rule

    def fallback(self, clamp: Clamp) -> float | None:
        """What a client gets that asked for nothing: the default, else the nearest to neutral.

        None where nothing needs to be sent, because *no limit* lies inside the clamp.
        """
        if clamp.default is not None or self.neutral is None:
            return clamp.default
        nearest = _within(clamp, self.neutral)
        return None if math.isinf(nearest) else nearest

    def clamped(self, clamp: Clamp, asked: Any) -> float | None:
        """Return what a client gets that asked for something; None where ``asked`` may stand.

        What is no number at all is treated as if nothing had been asked, because some servers
        would read ``"1.9"`` as 1.9 and so undo the clamp.
        """
        number = self.takes.asked(asked) if isinstance(self.takes, Number) else None
        if number is None:
            return self.fallback(clamp)
        nearest = _within(clamp, number)
        return None if nearest == number else nearest

    def _is_form(self, given: Any) -> bool:
        if not isinstance(given, Mapping):
            return False
        return not isinstance(self.takes, Biases) or any(key in FORM_KEYS for key in given)

    def _form(self, given: Mapping[str, Any], mistakes: Mistakes) -> Rule | None:
        allowed = FORM_KEYS if self.is_clampable else ("default",)
        values = {}
        for key, value in given.items():
            if key in allowed:
                values[key] = self.takes.read(value, (key,), mistakes)
            elif key in FORM_KEYS:
                mistakes.say("cannot be limited; give a value or {default: …}.", (key,), value)
            else:
                said = f"no such key (value {shown(value)}).{suggestion(key, allowed)}"
                mistakes.say(said, (key,), value)
        if not given:
            mistakes.say("is empty; give a value, {default: …} or {min: …, max: …}.", (), given)
        return None if mistakes.found else self._rule(values, mistakes)

    def _rule(self, values: Mapping[str, Any], mistakes: Mistakes) -> Rule | None:
        """Build the rule of a form whose values are all right by themselves."""
        if set(values) == {"default"}:
            return Default(values["default"])
        for key, value in values.items():
            if isinstance(self.takes, Number) and self.takes.asked(value) == math.inf:
                mistakes.say(f"{value} means no limit, and so cannot be one.", (key,), value)
        clamp = Clamp(values.get("min"), values.get("max"), values.get("default"))
        _compare(clamp, mistakes)
        return clamp

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _written, when_used="unless-none"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        value = self.takes.json_schema()
        keys = FORM_KEYS if self.is_clampable else ("default",)
        form = {
            "type": "object",
            "properties": {key: {**value, "description": _KEY_DESCRIPTIONS[key]} for key in keys},
            "additionalProperties": False,
            "minProperties": 1,
        }
        bare = {**value, "description": "Enforced: whatever the client asks for."}
        return {"anyOf": [bare, form]}


_KEY_DESCRIPTIONS = {
    "default": "Used when the client asks for nothing.",
    "min": "The lowest value let through.",
    "max": "The highest value let through.",
}


def _written(rule: Rule) -> Any:
    return rule.written()


def _within(clamp: Clamp, number: float) -> float:
    low = -math.inf if clamp.minimum is None else clamp.minimum
    high = math.inf if clamp.maximum is None else clamp.maximum
    return min(max(number, low), high)


def _compare(clamp: Clamp, mistakes: Mistakes) -> None:
    low, high, default = clamp.minimum, clamp.maximum, clamp.default
    if low is not None and high is not None and low > high:
        mistakes.say(f"{low} is above max, {high}. Swap them.", ("min",), low)
    elif default is not None and _within(clamp, default) != default:
        limits = [f"min {low}"] * (low is not None) + [f"max {high}"] * (high is not None)
        mistakes.say(f"{default} lies outside {' and '.join(limits)}.", ("default",), default)
