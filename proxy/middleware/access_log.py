"""One log line a request, when its last byte has gone; no prompt, no answer, no secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope

from proxy.wire.facts import facts_of
from proxy.wire.logfmt import logfmt
from proxy.wire.outbound import Outbound

_log = logging.getLogger("guardtune.access")

QUIET_PATHS = frozenset({"/health", "/ready", "/metrics"})
"""Logged at debug level only: probes of an orchestrator, scrapes."""


def is_logged(path: str) -> bool:
    """Whether anybody wants to read of a request on this path."""
    return _log.isEnabledFor(_level(path))


async def logged(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    response: Outbound,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Have a request answered, and log method, path, status, time, bytes, and the facts of it.

    Args:
        app: answers.
        scope: the request's.
        receive: ASGI's.
        response: on its way out.
        clock: seconds, monotonic.
    """
    started = clock()
    try:
        await app(scope, receive, response)
    finally:
        facts = facts_of(scope)
        line = logfmt(
            "request",
            id=facts.request_id,
            method=scope["method"],
            path=scope["path"],
            status=response.status,
            ms=1000 * (clock() - started),
            bytes=response.n_bytes,
            key=facts.key_id,
            **facts.log,
        )
        _log.log(_level(facts.path), "%s", line)


def _level(path: str) -> int:
    return logging.DEBUG if path in QUIET_PATHS else logging.INFO
