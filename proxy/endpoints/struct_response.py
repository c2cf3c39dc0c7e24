"""A response whose JSON body is one typed value."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response


class StructResponse(Response):
    """Starlette's JSONResponse for a msgspec Struct, or anything else that msgspec can encode."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the body."""
        return msgspec.json.encode(content)
