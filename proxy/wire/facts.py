"""What the edge finds out about one request, kept in its ASGI scope."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from starlette._utils import get_route_path

_SCOPE_KEY = "guardtune"

MAX_CONVERSATION_CHARS = 256
"""A longer ``x-guardtune-conversation`` is cut."""

Fields = Mapping[bytes, bytes]
"""Header fields by their lower-case names: the first of each name."""


@dataclass(slots=True)
class RequestFacts:
    """Filled from the outside in; the access log reads it at the end.

    Args:
        fields: the request's headers; only those that a client may send, once it is let in.
        path: as our routes are called, see `route_path`.
        request_id: the client's own, if it was a sane one, else ours.
        key_id: the id of the API key, never the secret; None where no key was needed.
        log: what inner layers add to the access log line; closed words and ids only, no user text.
    """

    fields: Fields
    path: str
    request_id: str = ""
    key_id: str | None = None
    log: dict[str, object] = field(default_factory=dict)


def facts_of(scope: MutableMapping[str, Any]) -> RequestFacts:
    """Return the facts of a request, the same object to every layer."""
    facts = scope.get(_SCOPE_KEY)
    if facts is None:
        path = scope["path"] if not scope.get("root_path") else route_path(scope)
        facts = scope[_SCOPE_KEY] = RequestFacts(fields_of(scope["headers"]), path)
    return cast("RequestFacts", facts)


def route_path(scope: MutableMapping[str, Any]) -> str:
    """Return a request's path without the ``root_path`` under which a server has mounted us.

    By the router's own reading: a key that is asked for by another path than the one that is
    answered is no key. Callers on every request's way look first whether there is a root path.
    """
    return get_route_path(scope)


def fields_of(headers: Sequence[tuple[bytes, bytes]]) -> Fields:
    """Look through a request's headers once, for all who ask for some of them."""
    return dict(reversed(headers))


def conversation_of(fields: Fields) -> str | None:
    """Return what the client calls its conversation, if it does."""
    sent = fields.get(b"x-guardtune-conversation")
    return None if sent is None else str(sent[:MAX_CONVERSATION_CHARS], "latin-1")
