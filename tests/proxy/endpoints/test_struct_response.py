"""Typed bodies."""

from __future__ import annotations

from proxy.endpoints.struct_response import StructResponse
from proxy.wire.health import Health


def test_body_is_json_and_says_so() -> None:
    """Without a charset: JSON has but one."""
    response = StructResponse(Health("ok"), status_code=201)
    assert (response.status_code, response.body) == (201, b'{"status":"ok"}')
    assert response.headers["content-type"] == "application/json"
