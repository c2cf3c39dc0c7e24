"""The settings that the proxy and its engine processes share."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from proxy.wire.http_server import server_config


async def _app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Never called."""


def test_times_are_never_shorter_than_asked_for() -> None:
    """Uvicorn counts whole seconds."""
    config = server_config(_app, keep_alive_s=0.2, drain_s=4.5, lifespan="on")
    assert (config.timeout_keep_alive, config.timeout_graceful_shutdown) == (1, 5)
    assert config.uds is None


def test_nothing_is_said_of_the_server_and_nobody_is_believed_about_the_client() -> None:
    """No Server header, no log of each request, no address from a header."""
    config = server_config(
        _app, keep_alive_s=1, drain_s=1, lifespan="off", socket_path="/run/a.sock"
    )
    assert config.uds == "/run/a.sock"
    assert not any((config.server_header, config.access_log, config.proxy_headers))
