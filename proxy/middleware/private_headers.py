"""Headers that only we may set do not come in from outside."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

_OURS = b"x-guardtune-"
_CLIENT_MAY_SEND = frozenset({b"x-guardtune-conversation"})


class PrivateHeadersMiddleware:
    """Drop ``x-guardtune-*`` request headers, so that nobody inside believes a client's copy.

    ``x-guardtune-conversation`` is the client's to send: rollouts stick to it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request."""
        if scope["type"] == "http":
            headers = scope["headers"]
            for name, _ in headers:
                if name.startswith(_OURS):
                    kept = [field for field in headers if may_come_in(field[0])]
                    scope = {**scope, "headers": kept}
                    break
        return self.app(scope, receive, send)


def may_come_in(name: bytes) -> bool:
    """Whether a client may send this header; its name is in lower case."""
    return not name.startswith(_OURS) or name in _CLIENT_MAY_SEND
