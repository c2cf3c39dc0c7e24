"""``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.operations.served import ServedModels
from proxy.wire.models import model_card, model_list


class ModelEndpoints:
    """What is served; a model that still loads is listed, because it will answer shortly.

    Args:
        models: the served models.
        created: Unix seconds since when they have been served.
    """

    def __init__(self, models: ServedModels, *, created: int) -> None:
        self._models = models
        self._created = created

    async def list(self, _request: Request) -> Response:
        """All of them."""
        body = model_list(self._models.names, created=self._created)
        return Response(body, media_type="application/json")

    async def show(self, request: Request) -> Response:
        """One of them; raises RequestError (404) that lists the others."""
        name: str = request.path_params["model"]
        self._models.check(name)
        return JSONResponse(model_card(name, created=self._created))
