"""The SDK as `OTEL_*` want it; a real collector in `tests/integration/test_otel.py`."""

from __future__ import annotations

import logging

import pytest

pytestmark = pytest.mark.otel


@pytest.mark.parametrize(
    ("said", "is_captured"),
    [("", False), ("true", True), ("False", False), ("SPAN_ONLY", True), ("EVENT_ONLY", False),
     ("SPAN_AND_EVENT", True), ("NO_CONTENT", False)],
)  # fmt: skip
def test_texts_are_captured_only_where_asked_for(said: str, is_captured: bool) -> None:  # noqa: FBT001 - a parameter
    """In the words of two generations of the conventions."""
    from proxy.middleware.otel.providers import captures_content

    environ = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": said}
    assert captures_content(environ) is is_captured
    assert captures_content({}) is False


@pytest.mark.parametrize(
    ("environ", "kinds"),
    [
        ({}, ["OTLPSpanExporter"]),
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["ConsoleSpanExporter", "OTLPSpanExporter"]),
    ],
)
def test_named_exporters_are_made(environ: dict[str, str], kinds: list[str]) -> None:
    """One of each, in the order of their names."""
    from proxy.middleware.otel.providers import exporters

    assert [type(one).__name__ for one in exporters("traces", environ)] == kinds


def test_unknown_exporter_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """With its name: it may be a package that is not installed, as grpc's."""
    from proxy.middleware.otel.providers import exporters

    with caplog.at_level(logging.WARNING):
        environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        assert list(exporters("metrics", environ)) == []
    assert "otlp_proto_grpc" in caplog.text
