"""``traceparent`` for upstreams: what they do for a request becomes part of its trace."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from proxy.domain import ORIGIN
from proxy.upstream.base import Headers, Response, Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint

if TYPE_CHECKING:
    from proxy.middleware.otel.signals import Signals


class TracingClient:
    """A client whose requests name the span that they are made in.

    Args:
        client: sends them.
        signals: knows the form.
    """

    def __init__(self, client: UpstreamClient, signals: Signals) -> None:
        self._client = client
        self._signals = signals

    def request(
        self, method: str, endpoint: Endpoint, headers: Headers, body: bytes, timeouts: Timeouts
    ) -> AbstractAsyncContextManager[Response]:
        """Send one request; see :class:`proxy.upstream.base.UpstreamClient`."""
        named = headers + self._signals.inject(ORIGIN.get())
        return self._client.request(method, endpoint, named, body, timeouts)

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        await self._client.close()
