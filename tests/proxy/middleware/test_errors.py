"""The request edge."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.errors import BackendError, RequestError
from proxy.middleware.errors import FAILURES, tell
from proxy.wire.client import ClientGoneError
from proxy.wire.facts import facts_of
from proxy.wire.outbound import outbound
from tests.asgi import Reply, call


def _telling(app: ASGIApp, bugs: list[int]) -> ASGIApp:
    """Stand at the edge."""

    async def edge(scope: Scope, receive: Receive, send: Send) -> None:
        response = outbound(send)
        try:
            await app(scope, receive, response)
        except FAILURES as error:
            await tell(error, response, facts_of(scope), count_bug=lambda: bugs.append(1))

    return edge


def _failing(error: Exception, *sent: bytes, content_type: bytes = b"text/event-stream") -> ASGIApp:
    """Fail after having sent these chunks."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if sent:
            headers = [(b"content-type", content_type)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in sent:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        raise error

    return app


def _reply_to(app: ASGIApp) -> tuple[Reply, int]:
    bugs: list[int] = []
    return asyncio.run(call(_telling(app, bugs))), len(bugs)


BROKEN = BackendError("It broke off.", model="m", error_type="closed")


def test_error_of_ours_becomes_its_response() -> None:
    """The usual way of saying no."""
    reply, bugs = _reply_to(_failing(RequestError("No.", status=404)))
    assert (reply.status, reply.json["error"]["message"], bugs) == (404, "No.", 0)


def test_bug_becomes_a_500_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The server lives on and says nothing of its insides."""
    reply, bugs = _reply_to(_failing(ZeroDivisionError("secret detail")))
    assert (reply.status, bugs) == (500, 1)
    assert b"secret detail" not in reply.body
    assert "ZeroDivisionError" in caplog.text


def test_broken_stream_ends_with_an_error_frame_and_without_done() -> None:
    """OpenAI's client raises on it; a missing [DONE] alone would look like a whole answer."""
    reply, _ = _reply_to(_failing(BROKEN, b"data: {}\n\n"))
    frames = reply.body.split(b"\n\n")
    assert frames[1].startswith(b'data: {"error":{"message":"It broke off."')
    assert b"[DONE]" not in reply.body
    assert reply.is_complete


def test_frame_cut_in_the_middle_is_closed_before_the_error() -> None:
    """Upstreams break off anywhere."""
    reply, _ = _reply_to(_failing(BROKEN, b"data: {}\n\n", b'data: {"cho'))
    assert b'data: {"cho\n\ndata: {"error"' in reply.body


def test_broken_plain_body_stays_incomplete() -> None:
    """The server then closes the connection: half an answer cannot be taken for a whole one."""
    reply, _ = _reply_to(_failing(BROKEN, b'{"choices":', content_type=b"application/json"))
    assert not reply.is_complete


def test_nobody_is_answered_who_has_left() -> None:
    """And that is no error."""
    reply, bugs = _reply_to(_failing(ClientGoneError()))
    assert (reply.messages, bugs) == ([], 0)


def test_server_that_stops_is_told_of_as_such() -> None:
    """Once the drain time is over, what still runs is cancelled by the server."""

    async def run() -> Reply:
        waiting = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            waiting.set()
            await asyncio.Event().wait()

        task = asyncio.get_running_loop().create_task(call(_telling(app, [])))
        await waiting.wait()
        task.cancel()
        return await task

    reply = asyncio.run(run())
    assert (reply.status, reply.json["error"]["code"]) == (503, "draining")
