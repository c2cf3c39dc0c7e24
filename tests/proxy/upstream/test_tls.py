"""Certificates are verified, and whom to trust can be said."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.aiohttp_client import AiohttpClient
from proxy.upstream.base import Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.lean_client import LeanClient
from proxy.upstream.tls import tls_context
from tests.certificates import server_tls
from tests.loopback import Connection, Received, loopback


def test_context_verifies_and_speaks_http_1_alone() -> None:
    """Nothing is turned off."""
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context is tls_context()


def test_authorities_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """Absent, or no certificates at all."""
    with pytest.raises(OSError, match="No such file"):
        tls_context(str(tmp_path / "absent.pem"))
    (tmp_path / "empty.pem").write_text("none")
    with pytest.raises(ssl.SSLError):
        tls_context(str(tmp_path / "empty.pem"))


@pytest.mark.parametrize("client", [LeanClient(), AiohttpClient()], ids=["lean", "aiohttp"])
@pytest.mark.parametrize(
    ("host", "is_trusted", "is_tls"),
    [("localhost", False, True), ("127.0.0.1", True, True), ("localhost", True, False)],
    ids=["unknown-authority", "other-name", "no-tls"],
)
def test_server_that_proves_nothing_is_not_talked_to(
    client: UpstreamClient, host: str, *, is_trusted: bool, is_tls: bool
) -> None:
    """No byte of a request, and no key, reaches it."""
    tls = server_tls()

    async def handler(_: Received, connection: Connection) -> None:
        await connection.respond(b"{}")

    async def main() -> None:
        async with loopback(handler, tls=tls if is_tls else None) as server:
            port = server.url.partition("/v1")[0].rpartition(":")[2]
            endpoint = Endpoint(
                f"https://{host}:{port}/v1", ca_file=tls.ca_file if is_trusted else None
            )
            with pytest.raises(UpstreamError) as caught:
                async with client.request("POST", endpoint, (), b"{}", Timeouts(connect_s=0.5)):
                    pass
            await client.close()
        assert caught.value.error_type == ("connect" if is_tls else "timeout")
        assert not caught.value.is_sent
        assert not server.requests

    asyncio.run(main())
