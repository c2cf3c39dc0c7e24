"""What the middleware finds out about one request, kept in its ASGI scope."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

_SCOPE_KEY = "guardtune"

MAX_CONVERSATION_CHARS = 256
"""A longer ``x-guardtune-conversation`` is cut."""


@dataclass(slots=True)
class RequestFacts:
    """Filled from the outside in; the access log reads it at the end.

    Args:
        request_id: the client's own, if it was a sane one, else ours.
        key_id: the id of the API key, never the secret; None where no key was needed.
        log: what inner layers add to the access log line; closed words and ids only, no user text.
    """

    request_id: str = ""
    key_id: str | None = None
    log: dict[str, object] = field(default_factory=dict)


def facts_of(scope: MutableMapping[str, Any]) -> RequestFacts:
    """Return the facts of a request, the same object to every layer."""
    facts = scope.get(_SCOPE_KEY)
    if not isinstance(facts, RequestFacts):
        facts = scope[_SCOPE_KEY] = RequestFacts()
    return facts


def header(scope: MutableMapping[str, Any], name: bytes) -> str | None:
    """Return the first header of this lower-case name, or None."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def conversation_of(scope: MutableMapping[str, Any]) -> str | None:
    """Return what the client calls its conversation, if it does."""
    sent = header(scope, b"x-guardtune-conversation")
    return None if sent is None else sent[:MAX_CONVERSATION_CHARS]
