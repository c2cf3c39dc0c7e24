"""The request edge: every failure inside becomes an OpenAI error, and the server lives on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from proxy.errors import GuardTuneError, OverloadedError
from proxy.wire.client import ClientGoneError
from proxy.wire.errors import INTERNAL, ErrorResponse, render
from proxy.wire.facts import RequestFacts
from proxy.wire.logfmt import logfmt
from proxy.wire.outbound import Outbound
from proxy.wire.respond import send_body
from proxy.wire.sse import error_frame, is_stream

_log = logging.getLogger(__name__)

FAILURES = (Exception, asyncio.CancelledError)
"""What ends at the edge; all else ends the process."""


async def tell(
    error: BaseException,
    response: Outbound,
    facts: RequestFacts,
    *,
    count_bug: Callable[[], None],
) -> None:
    """Turn an exception into a response.

    Before the response has begun: status and error body. Within an event stream: one error frame,
    then the end, without ``[DONE]``. Within any other body nothing can be said any more: the
    response stays incomplete, so that the server closes the connection and the client notices.

    Args:
        error: one of `FAILURES`, which is being handled.
        response: as far as it has come.
        facts: what is noted of it for the access log.
        count_bug: called for an exception that is not one of ours.
    """
    match error:
        case ClientGoneError():
            facts.log["client"] = "gone"
        case asyncio.CancelledError():
            # Only a server that stops cancels us: the drain time is over. We end here at once, so
            # the cancellation is heeded; passed on, the server would answer 500 in plain text.
            facts.log["error"] = "stopped"
            await _fail(response, render(OverloadedError("draining")))
        case GuardTuneError():
            facts.log["error"] = type(error).__name__
            await _fail(response, render(error))
        case _:
            count_bug()
            facts.log["error"] = "internal"
            _log.exception("%s", logfmt("request_failed", id=facts.request_id))
            await _fail(response, INTERNAL)


async def _fail(response: Outbound, error: ErrorResponse) -> None:
    """Tell the client, if there is still a way to."""
    if response.status is None:
        await send_body(response, error.status, error.body, headers=error.headers)
    elif is_stream(response.headers):
        frame = error_frame(error.body, after=response.tail[-2:])
        await response({"type": "http.response.body", "body": frame, "more_body": False})
