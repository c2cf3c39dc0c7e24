"""Errors as clients see them."""

from __future__ import annotations

import msgspec
import pytest

from proxy.errors import (
    BackendError,
    ContextLengthError,
    GuardTuneError,
    OverloadedError,
    RequestError,
)
from proxy.wire.errors import render


def test_request_error_keeps_its_fields() -> None:
    """Status, type, param and code are what the error says."""
    response = render(RequestError("No.", status=404, param="model", code="model_not_found"))
    assert response.status == 404
    assert msgspec.json.decode(response.body) == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


def test_absent_fields_are_null_not_the_word_none() -> None:
    """Client libraries compare with null."""
    error = msgspec.json.decode(render(RequestError("No.")).body)["error"]
    assert error["param"] is None
    assert error["code"] is None


def test_context_length_has_the_code_that_agents_look_for() -> None:
    """Agents shorten their history on this code."""
    response = render(ContextLengthError(n_prompt_tokens=9000, n_ctx_tokens=8192))
    error = msgspec.json.decode(response.body)["error"]
    assert (response.status, error["code"]) == (400, "context_length_exceeded")
    assert "9000" in error["message"]


def test_overload_says_when_to_retry() -> None:
    """503 with Retry-After, in whole seconds."""
    response = render(OverloadedError("queue_full", retry_after_s=3))
    assert response.status == 503
    assert (b"retry-after", b"3") in response.headers


def test_backend_failure_keeps_its_status() -> None:
    """502, 503 and 504 mean different things to a load balancer."""
    response = render(BackendError("Slow.", model="m", error_type="timeout", status=504))
    assert response.status == 504
    assert msgspec.json.decode(response.body)["error"]["code"] == "upstream_timeout"


def test_missing_key_is_answered_with_a_challenge() -> None:
    """HTTP wants WWW-Authenticate on a 401."""
    response = render(RequestError("No key.", status=401, error_type="authentication_error"))
    assert (b"www-authenticate", b"Bearer") in response.headers


def test_body_that_took_too_long_ends_its_connection() -> None:
    """Its rest is nothing that anybody waits for."""
    response = render(RequestError("Slow.", status=408))
    assert (b"connection", b"close") in response.headers


@pytest.mark.parametrize("error", [GuardTuneError("inner detail")])
def test_any_other_error_shows_nothing_of_its_insides(error: GuardTuneError) -> None:
    """What was not meant for clients stays in the log."""
    response = render(error)
    assert response.status == 500
    assert b"inner detail" not in response.body
