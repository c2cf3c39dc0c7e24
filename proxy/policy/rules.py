"""What a policy says about one decoding setting: enforce a value, fill a gap, or limit a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = float | int | tuple[str, ...] | Mapping[str, float]
"""A number for most settings, strings for ``stop``, token id → bias for ``logit_bias``."""


@dataclass(frozen=True, slots=True)
class Enforce:
    """The client gets this value, whatever it asked for."""

    value: Value

    def written(self) -> Any:
        """The rule as it stands in a policy file."""
        return _plain(self.value)


@dataclass(frozen=True, slots=True)
class Default:
    """The client gets this value unless it asked for another."""

    value: Value

    def written(self) -> Any:
        """The rule as it stands in a policy file."""
        return {"default": _plain(self.value)}


@dataclass(frozen=True, slots=True)
class Clamp:
    """The client chooses, within limits.

    Args:
        minimum: lowest value let through, or None for no lower limit.
        maximum: highest value let through, or None for no upper limit.
        default: what a client gets that asked for nothing; None for the value nearest to neutral.
    """

    minimum: float | None = None
    maximum: float | None = None
    default: float | None = None

    def written(self) -> Any:
        """The rule as it stands in a policy file."""
        form = {"min": self.minimum, "max": self.maximum, "default": self.default}
        return {key: value for key, value in form.items() if value is not None}


Rule = Enforce | Default | Clamp


def _plain(value: Value) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
