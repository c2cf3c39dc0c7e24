"""The way past Starlette."""

from __future__ import annotations

import asyncio

import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.backends.routes import CHAT_PATH
from proxy.endpoints.front import Front, wrapped
from tests.asgi import Echo, call


@pytest.mark.parametrize(
    ("method", "path", "is_chat"),
    [("POST", CHAT_PATH, True), ("GET", CHAT_PATH, False), ("POST", "/v1/models", False)],
)
def test_only_a_chat_request_goes_past(method: str, path: str, *, is_chat: bool) -> None:
    """A wrong method on the route is still refused in the usual form."""
    chat, rest = Echo(), Echo()
    asyncio.run(call(Front(chat, rest), method, path))
    assert (bool(chat.scope), bool(rest.scope)) == (is_chat, not is_chat)


def test_start_and_stop_reach_the_application() -> None:
    """A lifespan has neither path nor method."""
    seen: list[str] = []

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def run() -> None:
        async def nothing() -> dict[str, object]:
            return {}

        async def ignore(message: object) -> None:
            return

        await Front(Echo(), rest)({"type": "lifespan"}, nothing, ignore)

    asyncio.run(run())
    assert seen == ["lifespan"]


class _Marks:
    def __init__(self, app: ASGIApp, *, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("marks", []).append(self._name)
        await self._app(scope, receive, send)


def test_first_layer_of_the_stack_is_the_outermost() -> None:
    """As Starlette has it."""
    echo = Echo()
    stack = [Middleware(_Marks, name="outer"), Middleware(_Marks, name="inner")]
    asyncio.run(call(wrapped(echo, stack)))
    assert echo.scope["marks"] == ["outer", "inner"]
