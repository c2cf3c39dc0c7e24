"""What OpenTelemetry is told: kept in memory, or taken by a small collector that speaks OTLP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from proxy.middleware.otel.hooks import Hooks
from tests.threaded_server import QuietHandler, threaded


@dataclass(frozen=True)
class Kept:
    """Signals whose spans and metrics stay in memory.

    Args:
        signals: a `proxy.middleware.otel.signals.Signals`.
    """

    signals: Any
    _exporter: Any
    _reader: Any

    @property
    def spans(self) -> Sequence[Any]:
        """The finished ones, the first finished first."""
        found: Sequence[Any] = self._exporter.get_finished_spans()
        return found

    def span(self, beginning: str) -> Any:
        """The only one whose name begins so."""
        (found,) = [span for span in self.spans if span.name.startswith(beginning)]
        return found

    def points(self, name: str) -> list[Any]:
        """The data points of a metric so far."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in ([] if data is None else data.resource_metrics)
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def hooks(self, models: Sequence[Any]) -> Hooks:
        """What to put a proxy together with."""
        from proxy.middleware.otel.telemetry import Telemetry

        return Telemetry(self.signals, models)


def kept(*, captures_content: bool = False) -> Kept:
    """Signals to look at."""
    from opentelemetry.sdk.metrics import (  # type: ignore[import-not-found, unused-ignore]  # an extra
        MeterProvider,
    )
    from opentelemetry.sdk.metrics.export import (  # type: ignore[import-not-found, unused-ignore]
        InMemoryMetricReader,
    )
    from opentelemetry.sdk.trace import (  # type: ignore[import-not-found, unused-ignore]
        TracerProvider,
    )
    from opentelemetry.sdk.trace.export import (  # type: ignore[import-not-found, unused-ignore]
        SimpleSpanProcessor,
    )
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # type: ignore[import-not-found, unused-ignore]
        InMemorySpanExporter,
    )
    from opentelemetry.trace.propagation.tracecontext import (  # type: ignore[import-not-found, unused-ignore]
        TraceContextTextMapPropagator,
    )

    from proxy.middleware.otel.signals import Signals

    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    signals = Signals(
        tracing,
        MeterProvider(metric_readers=[reader], shutdown_on_exit=False),
        propagator=TraceContextTextMapPropagator(),
        captures_content=captures_content,
    )
    return Kept(signals, exporter, reader)


@dataclass
class Collector:
    """What has come in over OTLP."""

    port: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Decode one export."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # type: ignore[import-not-found, unused-ignore]  # an extra
            ExportMetricsServiceRequest,
        )
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # type: ignore[import-not-found, unused-ignore]
            ExportTraceServiceRequest,
        )

        self.bodies.append(body)
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self._note(resource.resource)
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self._note(resource.resource)
                self.metrics += [one for scope in resource.scope_metrics for one in scope.metrics]

    def _note(self, resource: Any) -> None:
        self.resources.append({one.key: one.value.string_value for one in resource.attributes})


@contextmanager
def collector() -> Iterator[Collector]:
    """Listen for OTLP over HTTP on the loopback."""
    found = Collector()

    class Handler(QuietHandler):
        def post(self) -> None:
            body = self.read()
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            found.headers.append(self.lower_headers())
            found.take(self.path, body)
            self.answer(b"", "application/x-protobuf")

    with threaded(Handler) as found.port:
        yield found
