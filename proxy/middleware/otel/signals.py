"""Spans and GenAI metrics, in the few forms that this room uses; all of it on OpenTelemetry's API.

Names are those of the GenAI semantic conventions, which are still in development: they are written
once, here and in `genai`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from opentelemetry.context import Context  # type: ignore[import-not-found, unused-ignore]  # an extra
from opentelemetry.trace import (  # type: ignore[import-not-found, unused-ignore]
    Span,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
    use_span,
)

from proxy import __version__
from proxy.upstream.base import Headers

Kind = Literal["server", "client", "internal"]
Attributes = Mapping[str, Any]

_SCOPE = "guardtune"
_SECONDS = tuple(0.01 * 2**power for power in range(14))
_FIRST = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(4**power for power in range(14))
"""Bucket bounds, as the conventions advise."""


class Signals:
    """One process's tracer and instruments.

    Args:
        tracing: gives the tracer.
        metering: gives the meter.
        propagator: reads and writes ``traceparent``.
        captures_content: whether prompts and answers are put on spans.
    """

    def __init__(
        self, tracing: Any, metering: Any, *, propagator: Any, captures_content: bool = False
    ) -> None:
        self._tracer = tracing.get_tracer(_SCOPE, __version__)
        self._propagator = propagator
        self.captures_content = captures_content
        meter = metering.get_meter(_SCOPE, __version__)

        def histogram(name: str, unit: str, bounds: Iterable[float], about: str) -> Any:
            return meter.create_histogram(
                name,
                unit=unit,
                description=about,
                explicit_bucket_boundaries_advisory=list(bounds),
            )

        self.call_duration = histogram(
            "gen_ai.client.operation.duration", "s", _SECONDS, "GenAI operation duration."
        )
        self.tokens = histogram(
            "gen_ai.client.token.usage",
            "{token}",
            _TOKENS,
            "Input and output tokens used.",
        )
        self.first_chunk = histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", _FIRST, "Time to the first chunk."
        )
        self.served_duration = histogram(
            "gen_ai.server.request.duration", "s", _SECONDS, "Until the last output token."
        )
        self.first_token = histogram(
            "gen_ai.server.time_to_first_token", "s", _FIRST, "Time to generate the first token."
        )
        self.per_token = histogram(
            "gen_ai.server.time_per_output_token", "s", _PER_TOKEN, "Per token after the first."
        )

    def start(
        self, name: str, kind: Kind, attributes: Attributes, *, parent: Context | None = None
    ) -> Span:
        """Begin a span; whoever does so ends it.

        Args:
            name: of few values.
            kind: where it stands between processes.
            attributes: known beforehand; a sampler may look at them.
            parent: a context with the span around it; None for the task's current one.
        """
        span: Span = self._tracer.start_span(
            name, context=parent, kind=SpanKind[kind.upper()], attributes=dict(attributes)
        )
        return span

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, *, parent: Context | None = None
    ) -> Iterator[Span]:
        """A span around the block, current in it. An exception is noted by its type alone."""
        span = self.start(name, kind, attributes, parent=parent)
        with use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                yield span
            except Exception as error:
                self.fail(span, type(error).__name__)
                raise

    @staticmethod
    def fail(span: Span, error_type: str) -> None:
        """Say that what the span stands for failed; the word is one of few."""
        span.set_attribute("error.type", error_type)
        span.set_status(Status(StatusCode.ERROR))

    @staticmethod
    def within(span: Span) -> Context:
        """A context in which this span is the parent."""
        return set_span_in_context(span, Context())

    def extract(self, headers: Iterable[tuple[bytes, bytes]]) -> Context:
        """The context that a client's headers tell of."""
        wanted = set(self._propagator.fields)
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers
            if name.decode("latin-1") in wanted
        }
        context: Context = self._propagator.extract(carrier, context=Context())
        return context

    def inject(self, context: Context | None) -> Headers:
        """The headers that tell an upstream of a context; None for the task's current one."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context=context)
        return tuple((name.encode(), value.encode("latin-1")) for name, value in carrier.items())
