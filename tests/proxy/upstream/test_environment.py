"""HTTP proxies from the environment."""

from __future__ import annotations

import pytest

from proxy.upstream.endpoint import Endpoint
from proxy.upstream.environment import proxy_for

PROXY = "http://proxy:3128"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_variables_there_is_none() -> None:
    """The usual case."""
    assert proxy_for(Endpoint("https://api.example/v1")) is None


@pytest.mark.parametrize(
    ("variable", "url", "proxy"),
    [
        ("HTTPS_PROXY", "https://api.example/v1", PROXY),
        ("HTTPS_PROXY", "http://api.example/v1", None),
        ("HTTP_PROXY", "http://api.example/v1", PROXY),
        ("ALL_PROXY", "https://api.example/v1", PROXY),
        ("ALL_PROXY", "http://127.0.0.1:8000/v1", None),
        ("ALL_PROXY", "http://localhost:8000/v1", None),
        ("ALL_PROXY", "http://[::1]:8000/v1", None),
    ],
)
def test_proxy_is_that_of_the_scheme_and_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str, proxy: str | None
) -> None:
    """As curl and the official clients have it, but for loopback."""
    monkeypatch.setenv(variable, PROXY)
    assert proxy_for(Endpoint(url)) == proxy


def test_no_proxy_exempts_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its subdomains."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "internal.example")
    assert proxy_for(Endpoint("https://llm.internal.example/v1")) is None
    assert proxy_for(Endpoint("https://api.example/v1")) == PROXY


def test_unix_socket_has_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot."""
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert proxy_for(Endpoint("http://host/v1", "/run/s.sock")) is None
