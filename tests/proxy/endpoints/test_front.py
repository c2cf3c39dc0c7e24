"""The way past Starlette."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from proxy.backends.routes import CHAT_PATH
from proxy.endpoints.front import Front
from tests.asgi import Echo, call


@pytest.mark.parametrize("root_path", ["", "/llm"])
@pytest.mark.parametrize(
    ("method", "path", "is_chat"),
    [("POST", CHAT_PATH, True), ("GET", CHAT_PATH, False), ("POST", "/v1/models", False)],
)
def test_only_a_chat_request_goes_past(
    method: str, path: str, root_path: str, *, is_chat: bool
) -> None:
    """A wrong method on the route is still refused in the usual form."""
    chat, rest = Echo(), Echo()
    asyncio.run(call(Front(chat, rest), method, path, root_path=root_path))
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
