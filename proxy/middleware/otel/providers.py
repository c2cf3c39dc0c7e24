"""OpenTelemetry's SDK, set up from ``OTEL_*`` as its specification says.

Sampler, batches, intervals, resource attributes, endpoints, headers and certificates are read by
the SDK and its exporters themselves, from the process's environment.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Literal
from uuid import uuid4

from opentelemetry.propagate import (  # type: ignore[import-not-found, unused-ignore]  # an extra
    get_global_textmap,
)
from opentelemetry.sdk.metrics import (  # type: ignore[import-not-found, unused-ignore]
    MeterProvider,
)
from opentelemetry.sdk.metrics.export import (  # type: ignore[import-not-found, unused-ignore]
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import (  # type: ignore[import-not-found, unused-ignore]
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import (  # type: ignore[import-not-found, unused-ignore]
    TracerProvider,
)
from opentelemetry.sdk.trace.export import (  # type: ignore[import-not-found, unused-ignore]
    BatchSpanProcessor,
)
from opentelemetry.trace.propagation.tracecontext import (  # type: ignore[import-not-found, unused-ignore]
    TraceContextTextMapPropagator,
)

from proxy import __version__
from proxy.middleware.otel.last_call import LastCall
from proxy.middleware.otel.signals import Signals

_log = logging.getLogger(__name__)

SERVICE = "guardtune"
LAST_CALL_S = 2.0
"""How long a receiver may keep us at the end; by itself the SDK would go on asking for longer."""

_DEFAULT_PROTOCOL = "http/protobuf"
_WITH_CONTENT = {"true", "span_only", "span_and_event"}
"""Two generations of the variable's values; those that are about events alone mean nothing here."""


def providers(environ: Mapping[str, str]) -> Signals:
    """Where spans and metrics go, from now until the process ends, when what is left is sent.

    Args:
        environ: which exporters, and whether texts are captured.
    """
    resource = Resource.create(_described(environ))
    batches = [BatchSpanProcessor(one) for one in exporters("traces", environ)]
    readers = [PeriodicExportingMetricReader(one) for one in exporters("metrics", environ)]
    tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
    for batch in batches:
        tracing.add_span_processor(batch)
    metering = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
    LastCall((*batches, *readers), within_s=LAST_CALL_S).at_exit()
    return Signals(
        tracing,
        metering,
        # Baggage is whatever a client likes; it goes to upstreams only where somebody says so.
        propagator=get_global_textmap()
        if environ.get("OTEL_PROPAGATORS")
        else TraceContextTextMapPropagator(),
        captures_content=captures_content(environ),
    )


def captures_content(environ: Mapping[str, str]) -> bool:
    """Whether prompts and answers are put on spans; never unless asked for by name."""
    said = environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "")
    return said.strip().lower() in _WITH_CONTENT


def exporters(signal: Literal["traces", "metrics"], environ: Mapping[str, str]) -> Iterator[Any]:
    """What ``OTEL_<SIGNAL>_EXPORTER`` names; an unknown one is said in the log and left out.

    Args:
        signal: whose.
        environ: names them, several with commas between; ``otlp`` by default.
    """
    named = environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or "otlp"
    for name in (part.strip() for part in named.split(",")):
        if name in {"", "none"}:
            continue
        registered = _protocol(signal, environ) if name == "otlp" else name
        found = list(entry_points(group=f"opentelemetry_{signal}_exporter", name=registered))
        if not found:
            _log.warning("event=otel_unknown_exporter signal=%s name=%s", signal, registered)
        for one in found[:1]:
            yield one.load()()


def _protocol(signal: str, environ: Mapping[str, str]) -> str:
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    said = own or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _DEFAULT_PROTOCOL
    return "otlp_proto_grpc" if said == "grpc" else "otlp_proto_http"


def _described(environ: Mapping[str, str]) -> dict[str, str]:
    """What we say of ourselves, unless the environment says it."""
    ours = {
        "service.name": environ.get("OTEL_SERVICE_NAME") or SERVICE,
        "service.version": __version__,
        # Workers count each for themselves: without a name of its own, one would pass for another.
        "service.instance.id": str(uuid4()),
    }
    return ours | {
        key: str(value) for key, value in OTELResourceDetector().detect().attributes.items()
    }
