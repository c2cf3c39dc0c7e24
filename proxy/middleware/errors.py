"""The request edge: every failure inside becomes an OpenAI error, and the server lives on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.errors import GuardTuneError, OverloadedError
from proxy.wire.client import ClientGoneError
from proxy.wire.errors import INTERNAL, ErrorResponse, render
from proxy.wire.facts import facts_of
from proxy.wire.logfmt import logfmt
from proxy.wire.outbound import Outbound, outbound
from proxy.wire.respond import send_body
from proxy.wire.sse import error_frame, is_stream

_log = logging.getLogger(__name__)


class ErrorsMiddleware:
    """Turn exceptions into responses.

    Before the response has begun: status and error body. Within an event stream: one error frame,
    then the end, without ``[DONE]``. Within any other body nothing can be said any more: the
    response stays incomplete, so that the server closes the connection and the client notices.

    Args:
        app: what is inside.
        count_bug: called for each exception that is not one of ours.
    """

    def __init__(self, app: ASGIApp, *, count_bug: Callable[[], None]) -> None:
        self.app = app
        self._count_bug = count_bug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        response = outbound(send)
        try:
            await self.app(scope, receive, response)
        except ClientGoneError:
            facts_of(scope).log["client"] = "gone"
        except asyncio.CancelledError:
            # Only a server that stops cancels us: the drain time is over. We end here at once, so
            # the cancellation is heeded; passed on, the server would answer 500 in plain text.
            facts_of(scope).log["error"] = "stopped"
            await _fail(response, render(OverloadedError("draining")))
        except GuardTuneError as error:
            facts_of(scope).log["error"] = type(error).__name__
            await _fail(response, render(error))
        except Exception:  # noqa: BLE001 - the request edge: logged with its traceback, and answered
            self._count_bug()
            facts_of(scope).log["error"] = "internal"
            _log.exception("%s", logfmt("request_failed", id=facts_of(scope).request_id))
            await _fail(response, INTERNAL)


async def _fail(response: Outbound, error: ErrorResponse) -> None:
    """Tell the client, if there is still a way to."""
    if response.status is None:
        await send_body(response, error.status, error.body, headers=error.headers)
    elif is_stream(response.headers):
        frame = error_frame(error.body, after=response.tail[-2:])
        await response({"type": "http.response.body", "body": frame, "more_body": False})
