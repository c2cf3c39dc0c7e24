"""Somebody else's application: it answers with the request that it got."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import Message, Receive, Scope, Send

from proxy.adapters.asgi import GuardTune
from proxy.tasks import spawn
from tests.asgi import Headers, Reply, call
from tests.edge import write_policy

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
POLICY = """\
system_prompt: {text: Be careful.}
demonstrations: [{user: u, assistant: a}]
decoding: {temperature: 0.5, max_tokens: {max: 8}}
"""


@dataclass
class Host:
    """An ASGI application that keeps what it was asked.

    Attributes:
        bodies: of requests, as they came.
        scopes: of all that came, whatever it was.
        status: what it answers with.
    """

    bodies: list[bytes] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    status: int = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through a lifespan."""
        self.scopes.append(scope)
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body, message = b"", await receive()
        while message.get("more_body"):
            body += message["body"]
            message = await receive()
        body += message.get("body", b"")
        self.bodies.append(body)
        headers = [(b"content-type", b"application/json"), (b"x-guardtune-policy", b"forged@0")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    @property
    def asked(self) -> Any:
        """The last body, decoded."""
        return msgspec.json.decode(self.bodies[-1])


async def _lifespan(receive: Receive, send: Send) -> None:
    for stage in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{stage}.complete"})


class Rig:
    """A guarded application.

    Args:
        folder: of its policies.
        policy: what stands in the one that is called `careful`; None for none.
        options: the middleware's.
    """

    def __init__(self, folder: Path, policy: str | None = POLICY, **options: Any) -> None:
        if policy is not None:
            write_policy(folder, "careful", policy)
        self.host = Host()
        self.app = GuardTune(self.host, policies=folder, **options)

    def send(
        self,
        body: bytes | list[bytes],
        *,
        path: str = CHAT,
        method: str = "POST",
        headers: Headers = (),
    ) -> Reply:
        """Send one request, on an event loop of its own."""
        return asyncio.run(call(self.app, method, path, headers=headers, body=body))

    def ask(self, *, path: str = CHAT, headers: Headers = (), **fields: Any) -> Reply:
        """Ask model `m` something, with further fields."""
        return self.send(msgspec.json.encode({**ASK, **fields}), path=path, headers=headers)


@asynccontextmanager
async def living(app: GuardTune) -> AsyncIterator[None]:
    """Run an application's lifespan around the block."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    task = spawn(app({"type": "lifespan"}, inbox.get, outbox.put), name="lifespan")
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await asyncio.wait([task])
