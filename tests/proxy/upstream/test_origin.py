"""An endpoint taken apart."""

from __future__ import annotations

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.origin import Origin, Target, target_of


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        (
            Endpoint("http://host/v1/x?a=b"),
            Target(Origin("host", 80), b"/v1/x?a=b", b"host"),
        ),
        (
            Endpoint("https://host:8443", ca_file="ca.pem"),
            Target(Origin("host", 8443, is_tls=True, ca_file="ca.pem"), b"/", b"host:8443"),
        ),
        (
            Endpoint("http://[::1]:81/x"),
            Target(Origin("::1", 81), b"/x", b"[::1]:81"),
        ),
        (
            Endpoint("http://localhost/v1/x", "/run/s.sock"),
            Target(Origin("localhost", 80, socket_path="/run/s.sock"), b"/v1/x", b"localhost"),
        ),
    ],
)
def test_target_of_an_endpoint(endpoint: Endpoint, target: Target) -> None:
    """Where to connect, what to ask for, and for whom."""
    assert target_of(endpoint) == target


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@host/x",
        "http://host:notaport/x",
        "http://host/a b",
        "http://host/a\r\nx: y",
        "http://h\u00f6st/x",
        "http:///x",
        "ftp://host/x",
    ],
)
def test_address_that_is_not_for_this_client_is_refused(url: str) -> None:
    """Nothing of it is sent anywhere, and the message does not repeat it."""
    with pytest.raises(UpstreamError) as caught:
        target_of(Endpoint(url))
    assert caught.value.error_type == "connect"
    assert not caught.value.is_sent
    assert "secret" not in str(caught.value)
