"""The document is served, and tells all there is."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from proxy.app import Proxy
from proxy.endpoints.front import Front
from tests.asgi import call
from tests.edge import assemble

KEYS = [{"id": "team-a", "secret_sha256": hashlib.sha256(b"a").hexdigest()}]


def _document(proxy: Proxy) -> Any:
    reply = asyncio.run(call(proxy.app, path="/openapi.json"))
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    return reply.json


def test_every_route_is_in_it_and_nothing_else(tmp_path: Path) -> None:
    """With its methods."""
    proxy = assemble(tmp_path, passthrough_routes=["/v1/rerank"])
    assert isinstance(proxy.app, Front)
    assert isinstance(proxy.app._rest, Starlette)
    served = {
        (route.path.replace(":path", ""), method.lower())
        for route in proxy.app._rest.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    paths = _document(proxy)["paths"]
    assert {(path, method) for path, methods in paths.items() for method in methods} == served


def test_it_needs_no_key_and_says_what_does(tmp_path: Path) -> None:
    """As elsewhere: it holds nothing that is anybody's."""
    paths = _document(assemble(tmp_path, keys=KEYS))["paths"]
    locked = {
        path for path, methods in paths.items() for one in methods.values() if "security" in one
    }
    assert set(paths) - locked == {"/health", "/ready", "/metrics", "/openapi.json"}
    open_paths = _document(assemble(tmp_path))["paths"]
    assert not any("security" in one for methods in open_paths.values() for one in methods.values())
