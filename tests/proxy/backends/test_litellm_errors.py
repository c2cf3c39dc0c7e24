"""litellm's exceptions → OpenAI's errors: one test a row."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy.backends.litellm_errors import _ANSWERED, _UNANSWERED, ProviderAnswer, translate
from proxy.errors import BackendError


class _Response:
    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


def raised(*names: str, headers: dict[str, str] | None = None, message: str = "why") -> Exception:
    """An exception whose classes have these names, the most derived first."""
    kind: type[Exception] = Exception
    for name in reversed(names):
        kind = type(name, (kind,), {})
    error: Any = kind(message)
    error.message = message
    error.response = _Response(headers or {"content-type": "application/json"})
    return error  # type: ignore[no-any-return]  # built above


@pytest.mark.parametrize(
    ("names", "status", "error_type", "code"),
    [
        (
            ("ContextWindowExceededError", "BadRequestError"),
            400, "invalid_request_error", "context_length_exceeded",
        ),
        (
            ("ContentPolicyViolationError", "BadRequestError"),
            400, "invalid_request_error", "content_policy_violation",
        ),
        (
            ("UnsupportedParamsError", "BadRequestError"),
            400, "invalid_request_error", "unsupported_parameter",
        ),
        (("BadRequestError", "APIStatusError"), 400, "invalid_request_error", None),
        (("AuthenticationError",), 401, "authentication_error", "invalid_api_key"),
        (
            ("PaymentRequiredError", "BadRequestError"),
            402, "insufficient_quota", "insufficient_quota",
        ),
        (("PermissionDeniedError",), 403, "permission_error", None),
        (("NotFoundError",), 404, "invalid_request_error", "model_not_found"),
        (("UnprocessableEntityError",), 422, "invalid_request_error", None),
        (("RateLimitError",), 429, "rate_limit_error", "rate_limit_exceeded"),
        (("InternalServerError",), 500, "server_error", None),
        (("BadGatewayError",), 502, "server_error", None),
        (("ServiceUnavailableError",), 503, "server_error", None),
        (("SomethingNew", "RateLimitError"), 429, "rate_limit_error", "rate_limit_exceeded"),
    ],
)  # fmt: skip
def test_providers_own_error_is_answered(
    names: tuple[str, ...], status: int, error_type: str, code: str | None
) -> None:
    """Its status and words, in OpenAI's shape."""
    answer = translate(raised(*names), model="m")
    assert isinstance(answer, ProviderAnswer)
    assert answer.status == status
    assert msgspec.json.decode(answer.body)["error"] == {
        "message": "why", "type": error_type, "param": None, "code": code
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "error_type", "status", "retryable"),
    [
        (("Timeout", "APITimeoutError", "APIConnectionError"), "timeout", 504, False),
        (("APITimeoutError", "APIConnectionError"), "timeout", 504, False),
        (("APIConnectionError",), "connect", 502, True),
        (("APIResponseValidationError",), "protocol", 502, False),
        (("MidStreamFallbackError", "ServiceUnavailableError"), "closed", 502, False),
        (("NobodyKnows",), "provider", 502, False),
    ],
)
def test_no_answer_is_a_backend_error(
    names: tuple[str, ...], error_type: str, status: int, *, retryable: bool
) -> None:
    """Named for the metric."""
    error = translate(raised(*names), model="m")
    assert isinstance(error, BackendError)
    assert (error.error_type, error.status, error.retryable) == (error_type, status, retryable)
    assert error.message.startswith("Model m: ")


def test_other_status_of_the_provider_is_answered_too() -> None:
    """There is not a class for each."""
    error = raised("APIError")
    error.status_code = 418  # type: ignore[attr-defined]  # as litellm sets it
    answer = translate(error, model="m")
    assert isinstance(answer, ProviderAnswer)
    assert answer.status == 418


def test_every_row_is_reachable() -> None:
    """A class has one row, in one table."""
    assert not set(_ANSWERED) & set(_UNANSWERED)


def test_failed_connection_that_litellm_calls_a_500_is_none() -> None:
    """Nobody sent headers, so nobody answered."""
    error = raised("InternalServerError")
    error.response = _Response({})  # type: ignore[attr-defined]  # as litellm sets it
    outcome = translate(error, model="m")
    assert isinstance(outcome, BackendError)
    assert outcome.error_type == "connect"


def test_retry_after_is_kept_and_nothing_else() -> None:
    """A provider cannot set cookies through us."""
    headers = {"retry-after": "7", "retry-after-ms": "7000", "set-cookie": "a=b"}
    answer = translate(raised("RateLimitError", headers=headers), model="m")
    assert isinstance(answer, ProviderAnswer)
    assert answer.headers == (
        (b"content-type", b"application/json"),
        (b"retry-after", b"7"),
        (b"retry-after-ms", b"7000"),
    )


def test_message_never_quotes_the_key_and_is_cut() -> None:
    """Providers quote keys; some send pages."""
    error = raised("AuthenticationError", message="bad key sk-1234 " + "x" * 5000)
    answer = translate(error, model="m", key="sk-1234")
    assert isinstance(answer, ProviderAnswer)
    message = msgspec.json.decode(answer.body)["error"]["message"]
    assert message.startswith("bad key *** ")
    assert len(message) == 1000


def test_headers_are_those_of_the_providers_own_answer() -> None:
    """Which litellm replaces by an empty one, keeping only where the error came from."""
    own = raised("HTTPStatusError", headers={"retry-after": "7"})
    error = raised("InternalServerError", headers={})
    error.response = _Response({})  # type: ignore[attr-defined]  # as litellm sets it
    error.__context__ = own
    answer = translate(error, model="m")
    assert isinstance(answer, ProviderAnswer)
    assert (b"retry-after", b"7") in answer.headers


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("BadRequestError", 422, 422),
        ("BadRequestError", 500, 400),
        ("InternalServerError", 529, 529),
        ("AuthenticationError", 400, 401),
    ],
)
def test_catch_all_class_keeps_the_providers_status(name: str, status: int, expected: int) -> None:
    """The others say more than the status did."""
    error = raised(name)
    error.status_code = status  # type: ignore[attr-defined]  # as litellm sets it
    answer = translate(error, model="m")
    assert isinstance(answer, ProviderAnswer)
    assert answer.status == expected
