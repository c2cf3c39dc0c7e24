"""What an exported policy is called, and where it stands among those of its name.

``<name>`` is in force. ``<name>-canary`` stands above it, so that whoever does not get the canary
keeps what is in force. ``<name>-shadow`` stands above both: there it is offered, and therefore
measured, whatever is in force, and once a person promotes it everybody gets it.
"""

from __future__ import annotations

from typing import Literal

Place = Literal["in force", "canary", "shadow"]

_MAX_NAME_LENGTH = 64

_SUFFIXES: dict[Place, str] = {"in force": "", "canary": "-canary", "shadow": "-shadow"}

_ABOVE_BASE: dict[Place, int] = {"in force": 10, "canary": 11, "shadow": 12}
"""So that dropping the file in takes effect."""


def name_at(name: str, place: Place) -> str:
    """What a policy is called there, given what it would be called in force."""
    suffix = _SUFFIXES[place]
    if name.endswith(suffix):
        return name
    return f"{name[: _MAX_NAME_LENGTH - len(suffix)]}{suffix}"


def place_of(name: str) -> Place:
    """Where a policy of this name stands."""
    found = (place for place, suffix in _SUFFIXES.items() if suffix and name.endswith(suffix))
    return next(found, "in force")


def names(name: str) -> tuple[str, ...]:
    """All that exports of one name may be called, the lowest first, each once."""
    return tuple(dict.fromkeys(name_at(name, place) for place in _SUFFIXES))


def priority_at(base: int, place: Place) -> int:
    """The priority there, above a base policy's."""
    return base + _ABOVE_BASE[place]
