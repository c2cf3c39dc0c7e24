"""Headers that are ours alone."""

from __future__ import annotations

import asyncio

from proxy.middleware.private_headers import PrivateHeadersMiddleware
from tests.asgi import Echo, call


def test_only_the_conversation_comes_in() -> None:
    """A client cannot pretend that a policy was applied."""
    echo = Echo()
    headers = [
        ("x-guardtune-policy", "forged@0"),
        ("X-GuardTune-Ignored", "all"),
        ("x-guardtune-conversation", "c1"),
        ("accept", "*/*"),
    ]
    asyncio.run(call(PrivateHeadersMiddleware(echo), headers=headers))
    assert echo.scope["headers"] == [(b"x-guardtune-conversation", b"c1"), (b"accept", b"*/*")]
