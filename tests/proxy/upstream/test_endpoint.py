"""Where an upstream listens."""

from __future__ import annotations

import pytest

from proxy.upstream.endpoint import Endpoint


@pytest.mark.parametrize(
    ("base_url", "url", "socket_path"),
    [
        ("http://host:8000/v1", "http://host:8000/v1/chat/completions", None),
        ("https://host/v1/", "https://host/v1/chat/completions", None),
        ("unix:/run/engine.sock", "http://localhost/v1/chat/completions", "/run/engine.sock"),
    ],
)
def test_parse_then_at_gives_the_full_address(
    base_url: str, url: str, socket_path: str | None
) -> None:
    """TCP keeps the configured base; a unix socket has its routes under /v1."""
    assert Endpoint.parse(base_url).at("/chat/completions") == Endpoint(url, socket_path)


@pytest.mark.parametrize("base_url", ["ftp://host", "host:8000", "", "unix:relative.sock"])
def test_parse_refuses_other_schemes(base_url: str) -> None:
    """The message names the schemes that work."""
    with pytest.raises(ValueError, match="http://, https:// or unix:/"):
        Endpoint.parse(base_url)


def test_at_keeps_how_the_server_is_reached() -> None:
    """The client and the authorities belong to the server, not to one of its paths."""
    endpoint = Endpoint.parse("https://host/v1", client="aiohttp", ca_file="ca.pem").at("/x")
    assert endpoint == Endpoint("https://host/v1/x", None, "aiohttp", "ca.pem")
