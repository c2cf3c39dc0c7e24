"""Prometheus is killed and comes back; the proxy has counted all the while."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts.observability.processes import free_port, wait_until
from scripts.observability.prometheus_server import EVERY_S, Prometheus, prometheus
from tests.edge import write_policy
from tests.integration.server import Server, serving

TOLD = "(sum(guardtune_judged_total) or vector(0)) + (sum(guardtune_unjudged_total) or vector(0))"
GIVE_UP_S = 30


def _ask(server: Server, times: int) -> None:
    for number in range(times):
        assert server.chat(f"Good day number {number}.").status == 200


def _wait_for(server: Prometheus, answers: int) -> None:
    wait_until(
        lambda: [sample.value for sample in server.query(TOLD)] == [answers],
        f"{answers} answers",
        within_s=GIVE_UP_S,
    )


@pytest.mark.prometheus
def test_no_answer_is_lost(tmp_path: Path) -> None:
    """Neither those from before, which it has on its disk, nor those that it was not there for."""
    write_policy(tmp_path / "policies", "default")
    config: dict[str, Any] = {
        "models": [{"name": "fake", "backend": "scripted"}],
        "judging": {"judge": "scripted"},
        "policies": str(tmp_path / "policies"),
        "probing": {"enabled": False},
    }
    with serving(tmp_path, config) as server:
        port = urlsplit(server.url).port or 0
        with prometheus(tmp_path, scraped_port=port, tuner_port=free_port()) as first:
            _ask(server, 5)
            _wait_for(first, 5)
            first.kill()
            _ask(server, 7)
        with prometheus(tmp_path, scraped_port=port, tuner_port=free_port()) as second:
            _wait_for(second, 12)
            (least,) = second.query(f"min_over_time(({TOLD})[1h:{EVERY_S}s])")
            assert least.value <= 5
