"""``GET /openapi.json``: what there is to ask for, for whoever generates a client or a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from proxy.endpoints.struct_response import StructResponse


class OpenAPIEndpoint:
    """One document, the same for as long as the server runs.

    Args:
        document: see `proxy.wire.openapi.document`.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    async def show(self, _request: Request) -> Response:
        """Answer with it."""
        return StructResponse(self._document)
