"""Which keys a model allows at a location."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from proxy.policy.fields import is_required, known_names


class _Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class _Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class _Zoo(BaseModel):
    house: _Cat | None = None
    animals: list[Annotated[_Cat | _Dog, Field(discriminator="kind")]] = []
    by_name: dict[str, _Dog] = {}
    opening: Annotated[int, Field(alias="opens")] = 8


@pytest.mark.parametrize(
    ("loc", "names"),
    [
        (("hose",), ("house", "animals", "by_name", "opens")),
        (("house", "live"), ("kind", "lives")),
        (("animals", 0, "dog", "trick"), ("kind", "tricks")),
        (("animals", 0, "_Cat", "trick"), ("kind", "lives")),
        (("by_name", "rex", "trick"), ("kind", "tricks")),
        ((), ("house", "animals", "by_name", "opens")),
    ],
)
def test_the_keys_beside_the_wrong_one_are_known(
    loc: tuple[str | int, ...], names: tuple[str, ...]
) -> None:
    """Through optionals, lists, mappings and unions told apart by a tag."""
    assert known_names(_Zoo, loc) == names


@pytest.mark.parametrize(
    ("loc", "required"),
    [
        (("house",), False),
        (("house", "lives"), True),
        (("animals", 0, "dog", "tricks"), True),
        (("animals", 0), False),
        ((), False),
    ],
)
def test_is_required(loc: tuple[str | int, ...], *, required: bool) -> None:
    """What has no default cannot be left out."""
    assert is_required(_Zoo, loc) is required
