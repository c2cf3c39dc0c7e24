"""The HTTP proxy that the environment asks for: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY``."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from proxy.upstream.endpoint import Endpoint


def proxy_for(endpoint: Endpoint) -> str | None:
    """The URL of the HTTP proxy between us and a server, or None for a direct connection.

    A server on this machine is always reached directly: no proxy elsewhere could.
    """
    parts = urlsplit(endpoint.url)
    host = parts.hostname or ""
    if endpoint.socket_path is not None or _is_here(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
