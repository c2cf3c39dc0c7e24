"""Listing models."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.asgi import Reply, call
from tests.edge import assemble, scripted


def _get(tmp_path: Path, path: str) -> Reply:
    backends = [scripted(name="org/large"), scripted(name="small")]
    return asyncio.run(call(assemble(tmp_path, backends).app, path=path))


def test_list_has_every_served_model_even_while_it_loads(tmp_path: Path) -> None:
    """It will answer shortly."""
    reply = _get(tmp_path, "/v1/models")
    assert [card["id"] for card in reply.json["data"]] == ["org/large", "small"]


def test_name_with_a_slash_is_found(tmp_path: Path) -> None:
    """Hugging Face names have one."""
    assert _get(tmp_path, "/v1/models/org/large").json["id"] == "org/large"


def test_unknown_name_is_404(tmp_path: Path) -> None:
    """As for a chat."""
    reply = _get(tmp_path, "/v1/models/other")
    assert (reply.status, reply.json["error"]["code"]) == (404, "model_not_found")
