"""The bodies of ``/v1/models`` and ``/v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """One served model.

    Args:
        id: the served name.
        object: what this is.
        created: Unix seconds since when it has been served.
        owned_by: who serves it.
    """

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["guardtune"] = "guardtune"


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The served models, in the order of the configuration."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


def model_list(names: Iterable[str], *, created: int) -> ModelList:
    """List served models; `created` is the same for all of them."""
    return ModelList(data=[ModelCard(id=name, created=created) for name in names])
