"""Which client sends a request: the lean one wherever it can, aiohttp for the rest."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import Literal

from proxy.errors import UpstreamError
from proxy.upstream.base import Headers, Response, Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.environment import proxy_for
from proxy.upstream.lean_client import LeanClient
from proxy.upstream.origin import target_of

_MAX_KNOWN_ENDPOINTS = 512


def chosen(endpoint: Endpoint) -> Literal["lean", "aiohttp"]:
    """Decide on a client as the endpoint says; under ``auto``, by what the lean one can do."""
    if endpoint.client != "auto":
        return endpoint.client
    if proxy_for(endpoint) is not None:
        return "aiohttp"
    try:
        target_of(endpoint)
    except UpstreamError:
        return "aiohttp"
    return "lean"


class AutoClient:
    """Both clients as one; see :class:`proxy.upstream.base.UpstreamClient`."""

    def __init__(self) -> None:
        self._lean = LeanClient()
        self._aiohttp: UpstreamClient | None = None
        self._client = lru_cache(_MAX_KNOWN_ENDPOINTS)(self._client_for)

    def request(
        self, method: str, endpoint: Endpoint, headers: Headers, body: bytes, timeouts: Timeouts
    ) -> AbstractAsyncContextManager[Response]:
        """Send one request with whichever client it is for."""
        return self._client(endpoint).request(method, endpoint, headers, body, timeouts)

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        await self._lean.close()
        if self._aiohttp is not None:
            await self._aiohttp.close()

    def _client_for(self, endpoint: Endpoint) -> UpstreamClient:
        if chosen(endpoint) == "lean":
            return self._lean
        if self._aiohttp is None:
            # A tenth of a second and ten megabytes that most servers never need.
            from proxy.upstream.aiohttp_client import AiohttpClient

            self._aiohttp = AiohttpClient()
        return self._aiohttp
