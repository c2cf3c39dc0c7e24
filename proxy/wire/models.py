"""The bodies of ``/v1/models`` and ``/v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


def model_card(name: str, *, created: int) -> dict[str, object]:
    """Describe one served model.

    Args:
        name: the served name.
        created: Unix seconds since when it has been served.
    """
    return {"id": name, "object": "model", "created": created, "owned_by": "guardtune"}


def model_list(names: Iterable[str], *, created: int) -> bytes:
    """Encode the list of served models, in the order of the configuration."""
    cards = [model_card(name, created=created) for name in names]
    return msgspec.json.encode({"object": "list", "data": cards})
