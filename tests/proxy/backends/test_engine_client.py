"""Asking an engine's process: priority and request id go along, errors come back as they were."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.backends.engine_client import EngineClient
from proxy.domain import ChatRequest, Priority, Transcript
from proxy.errors import BackendError, OverloadedError, RequestError
from proxy.upstream.choose import AutoClient
from tests.loopback import Connection, Loopback, Received, loopback

ASK = ChatRequest(
    "m", ({"role": "user", "content": "hi"},), priority=Priority.BACKGROUND, request_id="req-1"
)
ERROR = b'{"error":{"message":"no","type":"some_error","param":"messages","code":"full"}}'


def _ask(folder: Path, status: int, body: bytes, headers: bytes = b"content-type: a/b") -> Loopback:
    """Ask a stand-in for an engine once; raises what the client makes of its answer."""

    async def respond(_request: Received, connection: Connection) -> None:
        await connection.respond(body, status=status, headers=headers)

    async def act() -> Loopback:
        client, path = AutoClient(), str(folder / "e.sock")
        try:
            async with loopback(respond, socket_path=path) as engine:
                async with EngineClient("m", path, client).chat(ASK, Transcript()) as reply:
                    assert b"".join([chunk async for chunk in reply.chunks]) == body
                return engine
        finally:
            await client.close()

    return asyncio.run(act())


def test_priority_and_request_id_go_along(tmp_path: Path) -> None:
    """The engine serves users first, and logs whose request it was."""
    (request,) = _ask(tmp_path, 200, b"{}").requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["x-guardtune-priority"] == str(int(Priority.BACKGROUND))
    assert request.headers["x-request-id"] == "req-1"


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (400, b"content-type: application/json", RequestError),
        (503, b"retry-after: 3", OverloadedError),
        (500, b"content-type: application/json", BackendError),
    ],
)
def test_errors_come_back_as_they_were(
    tmp_path: Path, status: int, headers: bytes, kind: type[Exception]
) -> None:
    """As the backend in process would have raised them."""
    with pytest.raises(kind):
        _ask(tmp_path, status, ERROR, headers)


def test_engine_that_is_gone_is_said_to_restart(tmp_path: Path) -> None:
    """503, and worth another try."""

    async def act() -> None:
        client, transcript = AutoClient(), Transcript()
        with pytest.raises(BackendError, match="restarts by itself") as caught:
            async with EngineClient("m", str(tmp_path / "none"), client).chat(ASK, transcript):
                pass
        await client.close()
        assert (caught.value.status, caught.value.retryable) == (503, True)
        assert transcript.error_type == "engine"

    asyncio.run(act())
