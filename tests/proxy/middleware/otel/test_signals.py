"""Spans, and the headers that tell of them."""

from __future__ import annotations

import pytest

from tests.otel import kept

pytestmark = pytest.mark.otel

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_trace_of_a_client_goes_on() -> None:
    """From its header to ours; of all other headers nothing is read."""
    signals = kept().signals
    parent = signals.extract([(b"traceparent", SENT.encode()), (b"baggage", b"user=ann")])
    with signals.span("inner", "server", {}, parent=parent) as span:
        ((name, value),) = signals.inject(None)
        assert name == b"traceparent"
        assert value.decode() == f"00-{TRACE}-{span.get_span_context().span_id:016x}-01"


def test_without_a_span_there_is_no_header() -> None:
    """And one that is no traceparent begins no trace of somebody else's."""
    signals = kept().signals
    assert signals.inject(None) == ()
    with signals.span("x", "server", {}, parent=signals.extract([(b"traceparent", b"?")])) as span:
        assert span.parent is None


def test_exception_is_told_by_its_type_alone() -> None:
    """Its message may quote what a user wrote."""
    found = kept()
    with pytest.raises(ValueError, match="private"), found.signals.span("x", "internal", {}):
        raise ValueError("private")
    span = found.span("x")
    assert span.attributes["error.type"] == "ValueError"
    assert not span.status.is_ok
    assert span.events == ()
    assert "private" not in span.to_json()
