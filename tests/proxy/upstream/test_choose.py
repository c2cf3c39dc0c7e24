"""Which client sends what."""

from __future__ import annotations

import asyncio

import pytest

from proxy.upstream.choose import AutoClient, chosen
from proxy.upstream.endpoint import ClientChoice, Endpoint
from tests.conformance.upstream_harness import PATIENT, at, body_of
from tests.loopback import Connection, Received, loopback


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("endpoint", "client"),
    [
        (Endpoint("http://host/v1"), "lean"),
        (Endpoint("https://host/v1"), "lean"),
        (Endpoint("http://localhost/v1", "/run/s.sock"), "lean"),
        (Endpoint("http://user:word@host/v1"), "aiohttp"),
        (Endpoint("http://h\u00f6st/v1"), "aiohttp"),
        (Endpoint("http://host/v1", client="aiohttp"), "aiohttp"),
        (Endpoint("http://user:word@host/v1", client="lean"), "lean"),
    ],
)
def test_lean_client_is_taken_wherever_it_can(endpoint: Endpoint, client: str) -> None:
    """Unless the configuration says otherwise."""
    assert chosen(endpoint) == client


def test_server_behind_an_http_proxy_is_for_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lean one knows no CONNECT."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert chosen(Endpoint("https://host/v1")) == "aiohttp"
    assert chosen(Endpoint("https://localhost/v1")) == "lean"


@pytest.mark.parametrize("choice", ["auto", "lean", "aiohttp"])
def test_each_choice_reaches_the_server(choice: ClientChoice) -> None:
    """And closes what it opened, twice if asked."""

    async def handler(request: Received, connection: Connection) -> None:
        await connection.respond(request.body)

    async def main() -> None:
        client = AutoClient()
        async with loopback(handler) as server:
            endpoint = Endpoint.parse(at(server, "").url, client=choice)
            async with client.request("POST", endpoint, (), b"hello", PATIENT) as response:
                assert await body_of(response) == b"hello"
            await client.close()
            await client.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
