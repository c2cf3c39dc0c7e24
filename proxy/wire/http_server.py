"""The HTTP server under every ASGI application of ours: the proxy's and the engine process's."""

from __future__ import annotations

import math
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from proxy.wire.server_connection import ServerConnection


def server_config(
    app: ASGIApp,
    *,
    keep_alive_s: float,
    drain_s: float,
    lifespan: Literal["on", "off"],
    socket_path: str | None = None,
) -> uvicorn.Config:
    """Configure uvicorn: a protocol of our own, no access log, no WebSockets, no word of itself.

    Args:
        app: what answers.
        keep_alive_s: how long an idle connection is kept, rounded up.
        drain_s: how long running answers may take once the server stops, rounded up.
        lifespan: whether the application wants to be started and stopped.
        socket_path: a unix socket to listen on; None where the caller brings sockets of its own.
    """
    return uvicorn.Config(
        app,
        uds=socket_path,
        http=ServerConnection,
        interface="asgi3",
        ws="none",
        lifespan=lifespan,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=math.ceil(keep_alive_s),
        timeout_graceful_shutdown=math.ceil(drain_s),
    )
