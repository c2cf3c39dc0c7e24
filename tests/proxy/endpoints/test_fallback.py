"""What does not exist here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.asgi import call
from tests.edge import assemble


@pytest.mark.parametrize("path", ["/v1/files", "/v1/nothing", "/", "/favicon.ico"])
def test_unknown_route_is_a_404_in_openai_form(tmp_path: Path, path: str) -> None:
    """Client libraries parse it."""
    reply = asyncio.run(call(assemble(tmp_path).app, "POST", path))
    assert reply.status == 404
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert path in reply.json["error"]["message"]


def test_wrong_method_says_which_are_right(tmp_path: Path) -> None:
    """405 with Allow."""
    reply = asyncio.run(call(assemble(tmp_path).app, "GET", "/v1/chat/completions"))
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert reply.json["error"]["code"] == "method_not_allowed"
