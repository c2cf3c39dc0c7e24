"""What the lean client makes of an endpoint: where to connect, and what to ask for there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from proxy.errors import UpstreamError
from proxy.upstream.endpoint import Endpoint

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """One server; endpoints of the same origin share connections.

    Args:
        host: name or address, without brackets.
        port: TCP port.
        is_tls: whether to speak TLS.
        socket_path: the unix socket instead of host and port.
        ca_file: see `Endpoint`.
    """

    host: str
    port: int
    is_tls: bool = False
    socket_path: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint taken apart: its origin, path and query, and ``host`` field."""

    origin: Origin
    path: bytes
    host: bytes


def target_of(endpoint: Endpoint) -> Target:
    """Take an endpoint apart.

    Raises:
        UpstreamError: this client cannot reach such an address: it has credentials in it, or
            characters that no URL has.
    """
    url = endpoint.url
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise _unusable()
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise _unusable() from None
    if not parts.hostname or "@" in parts.netloc:
        raise _unusable()
    origin = Origin(
        parts.hostname, port, parts.scheme == "https", endpoint.socket_path, endpoint.ca_file
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(origin, path.encode(), parts.netloc.encode())


def _unusable() -> UpstreamError:
    return UpstreamError("The upstream cannot be reached.", error_type="connect", is_sent=False)
