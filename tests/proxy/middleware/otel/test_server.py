"""The span around a request."""

from __future__ import annotations

import asyncio

import pytest

from proxy.middleware.otel.server import SpanMiddleware
from tests.asgi import Echo, call
from tests.otel import kept

pytestmark = pytest.mark.otel

CHAT = "/v1/chat/completions"


def test_span_has_route_and_status() -> None:
    """And the client's span as its parent."""
    found = kept()
    app = SpanMiddleware(Echo(), signals=found.signals, paths=frozenset({CHAT}))
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    asyncio.run(call(app, "POST", CHAT, headers=[("traceparent", sent)], body=b"private"))
    span = found.span(f"POST {CHAT}")
    assert span.kind.name == "SERVER"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.attributes["http.route"] == CHAT
    assert span.attributes["http.response.status_code"] == 200
    assert "private" not in span.to_json()


def test_root_path_is_no_part_of_the_route() -> None:
    """It is part of the path, as the client asked for it."""
    found = kept()
    app = SpanMiddleware(Echo(), signals=found.signals, paths=frozenset({CHAT}))
    asyncio.run(call(app, "POST", CHAT, root_path="/llm"))
    span = found.span(f"POST {CHAT}")
    assert (span.attributes["http.route"], span.attributes["url.path"]) == (CHAT, "/llm" + CHAT)


def test_other_routes_have_none() -> None:
    """Scrapes and health checks would be most of all traces."""
    found = kept()
    app = SpanMiddleware(Echo(), signals=found.signals, paths=frozenset({CHAT}))
    asyncio.run(call(app, "GET", "/metrics"))
    assert found.spans == ()
