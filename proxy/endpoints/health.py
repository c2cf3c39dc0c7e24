"""``/health``, ``/ready`` and ``/metrics``: for whoever looks after the process."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from proxy.endpoints.struct_response import StructResponse
from proxy.metrics import Metrics
from proxy.metrics.engine import EngineCollector
from proxy.operations.served import ServedModels
from proxy.wire.health import Health


class HealthEndpoints:
    """Liveness, readiness and figures.

    Args:
        models: readiness waits for all of them; the first policy snapshot is there before the
            server listens.
        metrics: what ``/metrics`` shows.
        engines: asked before they are shown.
    """

    def __init__(self, models: ServedModels, metrics: Metrics, engines: EngineCollector) -> None:
        self._models = models
        self._metrics = metrics
        self._engines = engines

    async def health(self, _request: Request) -> Response:
        """Say that the process answers; it calls no model."""
        return StructResponse(Health("ok"))

    async def ready(self, _request: Request) -> Response:
        """Say whether requests would be answered: 503 while a model loads or restarts."""
        if loading := self._models.loading:
            return StructResponse(
                Health("loading", loading), status_code=503, headers={"retry-after": "1"}
            )
        return StructResponse(Health("ready"))

    async def metrics(self, _request: Request) -> Response:
        """Show all metrics in Prometheus' text format."""
        await self._engines.refresh()
        return Response(self._metrics.render(), media_type=CONTENT_TYPE_LATEST)
