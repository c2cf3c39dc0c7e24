"""Headers that only we may set do not come in from outside."""

from __future__ import annotations

from starlette.types import Scope

from proxy.wire.facts import Fields

_OURS = b"x-guardtune-"
_CLIENT_MAY_SEND = frozenset({b"x-guardtune-conversation"})


def has_ours(fields: Fields) -> bool:
    """Whether a client has sent a header that is named like ours; one that it may send counts."""
    return _OURS in b"\n".join(fields)


def without_ours(scope: Scope) -> Scope:
    """Return a request without ``x-guardtune-*``, so that nobody believes a client's copy of them.

    ``x-guardtune-conversation`` is the client's to send: rollouts stick to it.
    """
    return {**scope, "headers": [field for field in scope["headers"] if may_come_in(field[0])]}


def may_come_in(name: bytes) -> bool:
    """Whether a client may send this header; its name is in lower case."""
    return not name.startswith(_OURS) or name in _CLIENT_MAY_SEND
