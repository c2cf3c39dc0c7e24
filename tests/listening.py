"""A whole proxy on a loopback port, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from proxy.app import Proxy
from proxy.serve.listener import listen
from proxy.tasks import spawn
from proxy.wire.http_server import server_config


@asynccontextmanager
async def listening(proxy: Proxy) -> AsyncIterator[str]:
    """Serve until the block is left; gives ``http://127.0.0.1:PORT`` once everything is loaded."""
    ready = asyncio.Event()
    proxy.service.on_ready = ready.set
    config = server_config(proxy.app, keep_alive_s=5, drain_s=5, lifespan="on")
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(config)
        task = spawn(server.serve(sockets=[listener]), name="test-server")
        await ready.wait()
        try:
            yield "http://127.0.0.1:{1}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            await asyncio.wait([task])
