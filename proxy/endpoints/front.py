"""The way past Starlette for the one route that every answer takes."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.backends.routes import CHAT_PATH
from proxy.wire.facts import route_path


class Front:
    """Sends chat requests straight to their endpoint, and all else through Starlette.

    Starlette's own layers and its search for a route cost as much as deciding on a policy.

    Args:
        chat: the endpoint, within the same middleware as the rest.
        rest: the whole application; it has the chat route, too, for the methods that it refuses.
    """

    def __init__(self, chat: ASGIApp, rest: ASGIApp) -> None:
        self._chat = chat
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope.get("path") if not scope.get("root_path") else route_path(scope)
        is_chat = path == CHAT_PATH and scope.get("method") == "POST"
        # Servers take a plain function here for an application of ASGI's second version.
        await (self._chat if is_chat else self._rest)(scope, receive, send)
