"""Liveness, readiness, figures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.asgi import Reply, call
from tests.edge import assemble, running


def test_health_answers_before_anything_is_loaded(tmp_path: Path) -> None:
    """An orchestrator must not kill a server that loads a large file."""
    reply = asyncio.run(call(assemble(tmp_path).app, path="/health"))
    assert (reply.status, reply.json) == (200, {"status": "ok"})


def test_ready_is_503_until_the_models_are_there(tmp_path: Path) -> None:
    """And names those that are not."""
    proxy = assemble(tmp_path)

    async def run() -> tuple[Reply, Reply]:
        before = await call(proxy.app, path="/ready")
        async with running(proxy):
            return before, await call(proxy.app, path="/ready")

    before, after = asyncio.run(run())
    assert (before.status, before.json["models"]) == (503, ["fake"])
    assert "retry-after" in before.headers
    assert (after.status, after.json) == (200, {"status": "ready"})


def test_metrics_are_in_prometheus_text_format(tmp_path: Path) -> None:
    """With the content type that scrapers ask for."""
    reply = asyncio.run(call(assemble(tmp_path).app, path="/metrics"))
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert b"guardtune_in_flight 0.0" in reply.body
