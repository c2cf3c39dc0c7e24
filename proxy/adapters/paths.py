"""Which requests of somebody else's application go to a guarded route."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")


class Paths(Generic[T]):
    """Finds the route that a path leads to, in the loosest reading that any server could give it.

    A route counts wherever it is mounted, with or without slashes at its end or doubled ones, in
    letters of any case, and however often they are escaped: to guard a path in vain costs nothing,
    and one that is overlooked leads around the policy.

    Args:
        routes: path → what it stands for.
    """

    def __init__(self, routes: Mapping[str, T]) -> None:
        self._exact = dict(routes)
        self._plain = {plain(path): value for path, value in routes.items()}

    def find(self, path: str) -> T | None:
        """Return what a path stands for; None where it leads elsewhere."""
        if (found := self._exact.get(path)) is not None:
            return found
        asked = plain(path)
        return next((value for end, value in self._plain.items() if asked.endswith(end)), None)


def plain(path: str) -> str:
    """Return the one spelling of a path: ``/v1/chat/completions``, without a slash at its end."""
    while (decoded := unquote(path)) != path:
        path = decoded
    segments = (segment.partition(";")[0] for segment in path.replace("\\", "/").split("/"))
    return posixpath.normpath("/" + "/".join(filter(None, segments))).casefold()
