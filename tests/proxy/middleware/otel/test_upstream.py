"""Requests to upstreams name their span."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.domain import ORIGIN
from proxy.middleware.otel.upstream import TracingClient
from proxy.upstream.base import Headers, Response, Timeouts, Whole
from proxy.upstream.endpoint import Endpoint
from tests.otel import kept

pytestmark = pytest.mark.otel


class _Client:
    def __init__(self) -> None:
        self.sent: list[Headers] = []
        self.is_closed = False

    @asynccontextmanager
    async def request(
        self, method: str, endpoint: Endpoint, headers: Headers, body: bytes, timeouts: Timeouts
    ) -> AsyncIterator[Response]:
        self.sent.append(headers)
        yield Response(200, (), Whole(b""))

    async def close(self) -> None:
        self.is_closed = True


def test_span_is_named_beside_the_other_headers() -> None:
    """That of the call which the task is in the midst of; none outside of any."""
    signals, inner = kept().signals, _Client()
    client = TracingClient(inner, signals)

    async def ask() -> None:
        endpoint = Endpoint("http://127.0.0.1:1/v1")
        async with client.request("POST", endpoint, ((b"a", b"b"),), b"", Timeouts()):
            pass

    async def run() -> None:
        await ask()
        span = signals.start("call", "client", {})
        ORIGIN.set(signals.within(span))
        await ask()
        await client.close()
        without, with_span = inner.sent
        assert without == ((b"a", b"b"),)
        assert with_span[0] == (b"a", b"b")
        assert f"{span.get_span_context().span_id:016x}".encode() in dict(with_span)[b"traceparent"]

    asyncio.run(run())
    assert inner.is_closed
