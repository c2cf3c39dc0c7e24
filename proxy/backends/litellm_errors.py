"""litellm's exceptions → what OpenAI would have answered, by one table.

A provider that answered with an error gets its status and words passed on, exactly as the
``openai`` backend does; one that did not answer is a BackendError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from proxy.errors import BackendError

MAX_MESSAGE_CHARS = 1000


class _Row(NamedTuple):
    status: int
    error_type: str
    code: str | None = None


# By class name, because litellm must not be imported for a table. The first class of an exception's
# method resolution order that has a row decides, so a subclass goes before its base by itself.
_ANSWERED: Mapping[str, _Row] = {
    "ContextWindowExceededError": _Row(400, "invalid_request_error", "context_length_exceeded"),
    "ContentPolicyViolationError": _Row(400, "invalid_request_error", "content_policy_violation"),
    "UnsupportedParamsError": _Row(400, "invalid_request_error", "unsupported_parameter"),
    "BadRequestError": _Row(400, "invalid_request_error"),
    "AuthenticationError": _Row(401, "authentication_error", "invalid_api_key"),
    "PaymentRequiredError": _Row(402, "insufficient_quota", "insufficient_quota"),
    "PermissionDeniedError": _Row(403, "permission_error"),
    "NotFoundError": _Row(404, "invalid_request_error", "model_not_found"),
    "UnprocessableEntityError": _Row(422, "invalid_request_error"),
    "RateLimitError": _Row(429, "rate_limit_error", "rate_limit_exceeded"),
    "InternalServerError": _Row(500, "server_error"),
    "BadGatewayError": _Row(502, "server_error"),
    "ServiceUnavailableError": _Row(503, "server_error"),
}

_CATCH_ALLS = frozenset({"BadRequestError", "InternalServerError"})
"""What litellm makes of every 4xx and 5xx that it has no class for; each keeps its own status."""

# → error_type of BackendError, status, whether a retry is safe.
_UNANSWERED: Mapping[str, tuple[str, int, bool]] = {
    "Timeout": ("timeout", 504, False),
    "APITimeoutError": ("timeout", 504, False),
    "APIResponseValidationError": ("protocol", 502, False),
    "APIConnectionError": ("connect", 502, True),
    "MidStreamFallbackError": ("closed", 502, False),
}

_ERROR_STATUSES = range(400, 600)
_PASSED_ON = ("retry-after", "retry-after-ms")


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """An error that the provider gave as its answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def translate(error: Exception, *, model: str, key: str = "") -> ProviderAnswer | BackendError:
    """What the client gets for an exception of litellm's.

    Args:
        error: any ``openai.OpenAIError``; litellm's all are.
        model: the served name.
        key: the provider's key, cut out of the message should it quote it.
    """
    names = [base.__name__ for base in type(error).__mro__]
    for name in names:
        if name in _UNANSWERED:
            return _unanswered(name, model)
        if name in _ANSWERED:
            if name == "InternalServerError" and not _headers(error):
                # What litellm makes of a connection that failed: a 500 that nobody sent.
                return _unanswered("APIConnectionError", model)
            return _answered(error, _row(name, error), key)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status in _ERROR_STATUSES:
        return _answered(error, _Row(status, "api_error"), key)
    return BackendError(
        f"Model {model}: the provider failed ({names[0]}).", model=model, error_type="provider"
    )


def _row(name: str, error: Exception) -> _Row:
    row, status = _ANSWERED[name], getattr(error, "status_code", None)
    if name in _CATCH_ALLS and isinstance(status, int) and status // 100 == row.status // 100:
        return row._replace(status=status)
    return row


def _unanswered(name: str, model: str) -> BackendError:
    error_type, status, retryable = _UNANSWERED[name]
    words = {
        "timeout": "The provider did not answer in time.",
        "protocol": "The provider's answer could not be understood.",
        "connect": "The provider cannot be reached.",
        "closed": "The provider broke off the answer.",
    }
    return BackendError(
        f"Model {model}: {words[error_type]}",
        model=model,
        error_type=error_type,
        status=status,
        retryable=retryable,
    )


def _answered(error: Exception, row: _Row, key: str) -> ProviderAnswer:
    message = str(getattr(error, "message", error))
    if key:
        message = message.replace(key, "***")
    body = {
        "error": {
            "message": message[:MAX_MESSAGE_CHARS],
            "type": row.error_type,
            "param": getattr(error, "param", None),
            "code": row.code,
        }
    }
    headers = _headers(error)
    passed_on = tuple(
        (name.encode(), headers[name].encode("latin-1", "replace"))
        for name in _PASSED_ON
        if name in headers
    )
    content_type = (b"content-type", b"application/json")
    return ProviderAnswer(row.status, (content_type, *passed_on), msgspec.json.encode(body))


def _headers(error: BaseException | None) -> Mapping[str, str]:
    """The headers of the provider's answer; none where it gave none.

    litellm makes up responses without headers; the provider's own is on what its error came from.
    """
    found: Mapping[str, str] = {}
    while error is not None:
        response: Any = getattr(error, "response", None)
        found = getattr(response, "headers", None) or found
        error = error.__cause__ or error.__context__
    return found
