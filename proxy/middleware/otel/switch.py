"""Whether anybody asks for OpenTelemetry: its own environment variables say so."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from proxy.backends.config import ModelConfig
from proxy.middleware.otel.hooks import Hooks

_log = logging.getLogger(__name__)

ASKING = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
)
"""Whoever sets one of these wants something sent somewhere, unless it says ``none``."""

INSTALL = "pip install 'guardtune[otel]'"


def is_asked_for(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a receiver, and does not switch the whole thing off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return any(environ.get(name, "").strip() not in {"", "none"} for name in ASKING)


def hooks(environ: Mapping[str, str], models: Sequence[ModelConfig]) -> Hooks:
    """What a proxy is put together with; nothing is imported where nobody asks.

    Args:
        environ: of the process; what the exporters read is always its own.
        models: the served ones.
    """
    if not is_asked_for(environ):
        return Hooks()
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        # An endpoint may be in the environment of every container: no reason not to start.
        _log.warning("event=otel_missing reason='OTEL_* is set, nothing is sent' run=%r", INSTALL)
        return Hooks()
    from proxy.middleware.otel.providers import providers
    from proxy.middleware.otel.telemetry import Telemetry

    return Telemetry(providers(environ), models)
