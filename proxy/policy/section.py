"""How every section of a policy file reads: frozen, strict, and no key that it does not know."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Strict, StringConstraints

MAX_TEXT_CHARS = 100_000

_T = TypeVar("_T")


class Section(BaseModel):
    """Base of the sections; what is shared is configuration, not behaviour."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


# Blank lines around a text carry no meaning, and `text: |`, quotes and `file:` differ in just
# those: without them all three spellings have one identity.
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT_CHARS)
]
"""Text for the model or for people, without blank space around it; never empty."""

Sequence = Annotated[tuple[_T, ...], Strict(strict=False)]
"""A YAML list, kept as a tuple; its items stay strict."""
