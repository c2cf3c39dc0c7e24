"""The engine process's three routes. Who reaches the socket is trusted: only the proxy can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.backends.base import Backend
from proxy.backends.engine_wire import (
    PRIORITY_HEADER,
    PULSE_PATH,
    STATS_PATH,
    encode,
)
from proxy.backends.routes import CHAT_PATH
from proxy.domain import Priority, Transcript
from proxy.engine.stats import EngineStats, Pulse
from proxy.errors import BackendError, RequestError
from proxy.middleware.errors import FAILURES, tell
from proxy.wire.client import CancelOnLeave, leaving_of, read_body
from proxy.wire.decode import decode_chat
from proxy.wire.facts import facts_of
from proxy.wire.outbound import outbound
from proxy.wire.respond import ChunkedResponse, send_body

_REQUEST_ID = b"x-request-id"


class EngineBackend(Backend, Protocol):
    """A backend that counts."""

    @property
    def stats(self) -> EngineStats:
        """What the engine does now and has done so far."""

    @property
    def pulse(self) -> Pulse:
        """Whether it gets on; never waits for the engine's thread."""


def engine_app(backend: EngineBackend, *, on_broken: Callable[[], None]) -> ASGIApp:
    """The process's ASGI application; failures become OpenAI errors as they do in the proxy.

    Args:
        backend: started before the first request.
        on_broken: called when the backend says that it will not answer any more.
    """
    return _EngineApp(backend, on_broken)


class _EngineApp:
    def __init__(self, backend: EngineBackend, on_broken: Callable[[], None]) -> None:
        self._backend = backend
        self._on_broken = on_broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = outbound(send)
        try:
            await self._answer(scope, receive, response)
        except FAILURES as error:
            await tell(error, response, facts_of(scope), count_bug=_not_counted)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["method"], scope["path"]:
            case "POST", str(path) if path == CHAT_PATH:
                try:
                    await self._chat(scope, receive, send)
                except BackendError as error:
                    if not error.retryable:
                        self._on_broken()
                    raise
            case "GET", str(path) if path == STATS_PATH:
                await send_body(send, 200, encode(self._backend.stats))
            case "GET", str(path) if path == PULSE_PATH:
                await send_body(send, 200, encode(self._backend.pulse))
            case _:
                raise RequestError("There is no such route.", status=404, code="unknown_url")

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        facts = facts_of(scope)
        facts.request_id = str(facts.fields.get(_REQUEST_ID, b""), "latin-1")
        request = msgspec.structs.replace(
            decode_chat(await read_body(receive), request_id=facts.request_id),
            priority=Priority(int(facts.fields.get(PRIORITY_HEADER) or Priority.USER)),
        )
        with CancelOnLeave(receive, leaving_of(scope)) as watch:
            # The proxy has a transcript of its own.
            async with self._backend.chat(request, Transcript(max_chars=0)) as reply:
                response = ChunkedResponse(send, reply.status, reply.headers)
                await response.send_chunks(reply.chunks)
            watch.disarm()
            await response.end()


def _not_counted() -> None:
    """The proxy counts the 500 that it gets."""
