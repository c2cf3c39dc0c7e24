"""Every request has an id: in the answer's header, in every log line, and given to the backend."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.wire.facts import facts_of, header
from proxy.wire.outbound import outbound

_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")

_PROCESS = secrets.token_hex(10)
_numbers = itertools.count(1)


def new_id() -> str:
    """Make an id that no other request has, here or in any other process."""
    return f"req-{_PROCESS}-{next(_numbers):x}"


class RequestIdMiddleware:
    """Take over a sane ``x-request-id`` of the client, or make one; echo it on every response.

    An id with other characters, or longer than 128, is replaced: it would end in logs and headers.

    Args:
        app: what is inside.
        make: makes a new id.
    """

    def __init__(self, app: ASGIApp, *, make: Callable[[], str] = new_id) -> None:
        self.app = app
        self._make = make

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        sent = header(scope, b"x-request-id")
        request_id = sent if sent is not None and _SANE.fullmatch(sent) else self._make()
        facts_of(scope).request_id = request_id
        response = outbound(send)
        response.add_header(b"x-request-id", request_id.encode("ascii"))
        return self.app(scope, receive, response)
