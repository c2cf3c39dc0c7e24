"""Routes that do not exist, and methods that a route does not have, in OpenAI's error form."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from proxy.wire.errors import error_body


async def on_http_error(request: Request, error: Exception) -> Response:
    """Render Starlette's own 404 and 405; ``Allow`` stays in the headers."""
    if not isinstance(error, HTTPException):
        raise error
    method, path = request.method, request.url.path[:200]
    code: str | None = None
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            message, code = f"There is no route {path} here.", "unknown_url"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            message, code = f"{path} does not take {method}.", "method_not_allowed"
        case _:
            message = str(error.detail)
    body = error_body(message, error_type="invalid_request_error", code=code)
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    return Response(
        body, status_code=error.status_code, headers=headers, media_type="application/json"
    )
