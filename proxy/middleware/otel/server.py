"""A server span around each request to a model, a child of what its client was doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.wire.facts import facts_of
from proxy.wire.outbound import outbound

if TYPE_CHECKING:
    from proxy.middleware.otel.signals import Signals

_FIRST_SERVER_ERROR = 500


class SpanMiddleware:
    """Take over the client's ``traceparent`` and begin a span; only requests that ask a model.

    Args:
        app: what is inside.
        signals: where the span goes.
        paths: the routes that models answer on; a span's name has one of them.
    """

    def __init__(self, app: ASGIApp, *, signals: Signals, paths: frozenset[str]) -> None:
        self.app = app
        self._signals = signals
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        route = facts_of(scope).path if scope["type"] == "http" else ""
        if route not in self._paths:
            await self.app(scope, receive, send)
            return
        response = outbound(send)
        method = scope["method"]
        known: dict[str, Any] = {
            "http.request.method": method,
            "http.route": route,
            "url.path": scope["path"],
            "url.scheme": scope.get("scheme", "http"),
            "guardtune.request.id": facts_of(scope).request_id,
        }
        parent = self._signals.extract(scope["headers"])
        with self._signals.span(f"{method} {route}", "server", known, parent=parent) as span:
            try:
                await self.app(scope, receive, response)
            finally:
                for name, value in facts_of(scope).log.items():
                    span.set_attribute(f"guardtune.{name}", str(value))
                if response.status is not None:
                    span.set_attribute("http.response.status_code", response.status)
                    if response.status >= _FIRST_SERVER_ERROR:
                        self._signals.fail(span, str(response.status))
