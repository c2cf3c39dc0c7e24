"""OpenAI error bodies: what every failure looks like to a client.

``{"error": {"message": str, "type": str, "param": str | null, "code": str | null}}``, with real
strings throughout: client libraries match on ``type`` and ``code``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from proxy.errors import BackendError, GuardTuneError, OverloadedError, RequestError

JSON_TYPE = (b"content-type", b"application/json")
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An error, ready to send; ``headers`` leave out the content length."""

    status: int
    body: bytes
    headers: Headers = (JSON_TYPE,)


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong; `param` names the field of the request at fault, if one is."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct, frozen=True):
    """An error, in OpenAI's form."""

    error: ErrorDetail


def error_body(
    message: str, *, error_type: str, param: str | None = None, code: str | None = None
) -> bytes:
    """Encode one OpenAI error object."""
    return msgspec.json.encode(ErrorBody(ErrorDetail(message, error_type, param, code)))


INTERNAL = ErrorResponse(
    500,
    error_body(
        "The server failed on this request. The log has the reason under the request id.",
        error_type="server_error",
    ),
)
"""What a bug looks like from outside: nothing of its insides."""

_OF_STATUS: Mapping[int, Headers] = {
    401: ((b"www-authenticate", b"Bearer"),),
    408: ((b"connection", b"close"),),  # nobody reads the rest of its body
}


def render(error: GuardTuneError) -> ErrorResponse:
    """Turn an error of ours into what the client gets; anything unexpected is `INTERNAL`."""
    match error:
        case RequestError():
            body = error_body(
                error.message, error_type=error.error_type, param=error.param, code=error.code
            )
            return ErrorResponse(error.status, body, (JSON_TYPE, *_OF_STATUS.get(error.status, ())))
        case OverloadedError():
            body = error_body(str(error), error_type="unavailable_error", code=error.reason)
            retry_after = (b"retry-after", b"%d" % error.retry_after_s)
            return ErrorResponse(503, body, (JSON_TYPE, retry_after))
        case BackendError():
            code = f"upstream_{error.error_type}"
            return ErrorResponse(
                error.status, error_body(error.message, error_type="server_error", code=code)
            )
        case _:
            return INTERNAL
