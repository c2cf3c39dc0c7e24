"""One log line a request, when its last byte has gone; no prompt, no answer, no secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.wire.facts import facts_of
from proxy.wire.logfmt import logfmt
from proxy.wire.outbound import outbound

_log = logging.getLogger("guardtune.access")


class AccessLogMiddleware:
    """Log method, path, status, duration, bytes, and what inner layers added to the facts.

    Args:
        app: what is inside.
        quiet_paths: logged at debug level only: probes of an orchestrator, scrapes.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        quiet_paths: frozenset[str] = frozenset({"/health", "/ready", "/metrics"}),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.app = app
        self._quiet_paths = quiet_paths
        self._clock = clock

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request."""
        level = logging.DEBUG if scope.get("path") in self._quiet_paths else logging.INFO
        if scope["type"] != "http" or not _log.isEnabledFor(level):
            return self.app(scope, receive, send)
        return self._logged(scope, receive, send, level)

    async def _logged(self, scope: Scope, receive: Receive, send: Send, level: int) -> None:
        started = self._clock()
        response = outbound(send)
        try:
            await self.app(scope, receive, response)
        finally:
            facts = facts_of(scope)
            line = logfmt(
                "request",
                id=facts.request_id,
                method=scope["method"],
                path=scope["path"],
                status=response.status,
                ms=1000 * (self._clock() - started),
                bytes=response.n_bytes,
                key=facts.key_id,
                **facts.log,
            )
            _log.log(level, "%s", line)
