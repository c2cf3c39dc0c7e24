"""``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from proxy.endpoints.struct_response import StructResponse
from proxy.operations.served import ServedModels
from proxy.wire.models import ModelCard, model_list


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
        return StructResponse(model_list(self._models.names, created=self._created))

    async def show(self, request: Request) -> Response:
        """One of them; raises RequestError (404) that lists the others."""
        name: str = request.path_params["model"]
        self._models.check(name)
        return StructResponse(ModelCard(id=name, created=self._created))
