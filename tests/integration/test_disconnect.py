"""A client closes its connection in the middle of a stream, on a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import uvicorn

from proxy.backends.config import ScriptedRule
from proxy.serve.listener import listen
from proxy.wire.http_server import server_config
from tests.edge import assemble, scripted

GIVE_UP_S = 30


@pytest.mark.parametrize("stream", ["true", "false"])
def test_leaving_midway_cancels_the_model_and_frees_the_slot(tmp_path: Path, stream: str) -> None:
    """The model is told, not left to talk to nobody."""
    reached, cancelled = asyncio.Event(), asyncio.Event()

    async def hold(index: int) -> None:
        if index == 1:
            reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

    backend = scripted(ScriptedRule(answers=("one two three",)), before_delta=hold)
    proxy = assemble(tmp_path, [backend])
    body = f'{{"model":"fake","stream":{stream},"messages":[{{"role":"user","content":"a"}}]}}'
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    )

    async def run() -> None:
        with listen("127.0.0.1", 0) as listener:
            server = uvicorn.Server(
                server_config(proxy.app, keep_alive_s=5, drain_s=5, lifespan="on")
            )
            task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
            ready = asyncio.Event()
            proxy.service.on_ready = ready.set
            await ready.wait()
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write((request + body).encode())
            await reached.wait()
            writer.close()
            await writer.wait_closed()
            await cancelled.wait()
            server.should_exit = True
            await task

    async def bounded() -> None:
        async with asyncio.timeout(GIVE_UP_S):
            await run()

    asyncio.run(bounded())
    assert backend.in_flight == 0
    assert proxy.service.parts.admission.in_flight == 0
