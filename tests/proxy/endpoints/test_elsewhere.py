"""Pages of another process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from proxy.endpoints.elsewhere import Elsewhere
from proxy.upstream.choose import AutoClient
from tests.asgi import Reply, call
from tests.loopback import Connection, Received, loopback


async def _visit(socket_path: str, *, host: str = "localhost") -> Reply:
    client = AutoClient()
    app = Starlette(routes=[Route("/metrics", Elsewhere(client, socket_path).get)])
    try:
        return await call(app, path="/metrics", headers=[("host", host)])
    finally:
        await client.close()


def test_page_is_shown_as_the_other_process_gives_it(tmp_path: Path) -> None:
    """Status, type and body, under the same path."""

    async def respond(_request: Received, connection: Connection) -> None:
        await connection.respond(b"x 1\n", headers=b"content-type: text/plain; version=1.0.0")

    async def act() -> None:
        path = str(tmp_path / "p.sock")
        async with loopback(respond, socket_path=path) as parent:
            reply = await _visit(path)
        assert [request.path for request in parent.requests] == ["/metrics"]
        assert (reply.status, reply.body) == (200, b"x 1\n")
        assert reply.headers["content-type"].startswith("text/plain; version=1.0.0")

    asyncio.run(act())


def test_host_header_cannot_choose_the_page(tmp_path: Path) -> None:
    """The other process asks for no key: who may see this page must not get at another."""

    async def respond(_request: Received, connection: Connection) -> None:
        await connection.respond(b"x 1\n")

    async def act() -> None:
        path = str(tmp_path / "p.sock")
        async with loopback(respond, socket_path=path) as parent:
            await _visit(path, host="x/policies?y=")
        assert [request.path for request in parent.requests] == ["/metrics"]

    asyncio.run(act())


def test_process_that_is_gone_is_a_503(tmp_path: Path) -> None:
    """The worker itself is well."""
    assert asyncio.run(_visit(str(tmp_path / "none"))).status == 503
