"""kill -9 of whatever there is: nothing counted is lost, and nothing counts twice."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.observability.processes import free_port, wait_until
from scripts.observability.prometheus_server import Prometheus, prometheus
from tests.edge import write_policy
from tests.integration.server import Server, serving
from tests.processes import children, is_running
from tests.threaded_server import QuietHandler, threaded

GIVE_UP_S = 60.0
PER_KIND = 20
COUNTED = 'sum(guardtune_requests_total{code="200"})'
JUDGED = "sum(guardtune_judged_total)"


def _until(condition: Any, what: str) -> None:
    wait_until(condition, what, within_s=GIVE_UP_S)


class _Upstream(QuietHandler):
    """Answers as many requests as there are tickets; the others wait."""

    tickets: threading.Semaphore

    def post(self) -> None:
        """Answer one chat request."""
        self.read()
        self.tickets.acquire(timeout=GIVE_UP_S)
        if select.select([self.connection], [], [], 0)[0]:
            # Whoever asked was killed meanwhile.
            self.tickets.release()
            self.close_connection = True
            return
        self.say("Good day to you.")


@contextmanager
def _upstream(tickets: threading.Semaphore) -> Iterator[str]:
    with threaded(type("Upstream", (_Upstream,), {"tickets": tickets})) as port:
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            tickets.release(1000)


def _total(server: Server, name: str) -> float:
    lines = server.get("/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{"))


def _is_up(server: Server) -> bool:
    try:
        return server.get("/ready").status == 200
    except OSError:
        return False


def test_workers_that_probe_are_killed_and_each_probe_counts_once(tmp_path: Path) -> None:
    """What was judged stays counted; the rest is asked again, of whoever comes next."""
    tickets = threading.Semaphore(0)
    with _upstream(tickets) as url:
        config = {
            "workers": 2,
            "models": [{"name": "fake", "backend": "openai", "base_url": url}],
            "judging": {"judge": "scripted"},
            "probing": {"models": ["fake"], "prompts_per_kind": PER_KIND, "concurrency": 2},
            "policies": str(tmp_path / "policies"),
        }
        with serving(tmp_path, config) as server:
            tickets.release(7)
            _until(lambda: _total(server, "guardtune_probe_answers_total") == 7, "seven probes")
            for pid in children(server.process.pid):
                os.kill(pid, signal.SIGKILL)
            _until(lambda: _is_up(server), "other workers")
            assert _total(server, "guardtune_probe_answers_total") == 7
            tickets.release(1000)
            _until(lambda: bool(server.get("/policies").json["probes"]), "the end of the probe")
            assert _total(server, "guardtune_probe_answers_total") == 2 * PER_KIND
            (report,) = server.get("/policies").json["probes"]
            assert report["over_refusal"]["n"] + report["unscored"] >= PER_KIND


def _config(folder: Path, port: int) -> dict[str, Any]:
    write_policy(folder / "policies", "careful")
    return {
        "port": port,
        "workers": 2,
        "models": [{"name": "fake", "backend": "scripted"}],
        "judging": {"judge": "scripted"},
        "probing": {"enabled": False},
        "policies": str(folder / "policies"),
    }


def _ask(server: Server, count: int) -> None:
    for _ in range(count):
        assert server.chat("hello").status == 200


def _until_seen(on: Prometheus, count: int) -> None:
    """Wait until a scrape has brought that number."""
    for expr in (COUNTED, JUDGED):
        _until(lambda expr=expr: [s.value for s in on.query(expr)] == [count], f"{expr} {count}")


def _increase(on: Prometheus, expr: str) -> float:
    """Over the last ten minutes; Prometheus adds up to a scrape's worth at each end."""
    (found,) = on.query(expr.replace(")", "[10m]))").replace("sum(", "sum(increase("))
    return found.value


@pytest.mark.prometheus
@pytest.mark.slow
def test_figures_go_on_over_the_death_of_the_whole_server(tmp_path: Path) -> None:
    """All begin at 0 again, which `increase` takes for what it is."""
    first_life, second_life, store = (tmp_path / name for name in ("one", "two", "prometheus"))
    for folder in (first_life, second_life, store):
        folder.mkdir()
    config = _config(tmp_path, free_port())
    with ExitStack() as stack:
        first = stack.enter_context(serving(first_life, config))
        on = stack.enter_context(
            prometheus(store, scraped_port=config["port"], tuner_port=free_port())
        )
        _ask(first, 1)
        _until_seen(on, 1)
        _ask(first, 40)
        _until_seen(on, 41)
        workers = children(first.process.pid)
        first.process.kill()
        _until(lambda: not any(is_running(pid) for pid in workers), "the end of all workers")
        second = stack.enter_context(serving(second_life, config))
        _ask(second, 30)
        _until_seen(on, 30)
        for expr in (COUNTED, JUDGED):
            assert 69.9 < _increase(on, expr) < 1.2 * 70
        (resets,) = on.query('sum(resets(guardtune_requests_total{code="200"}[10m]))')
        assert resets.value == 1


def _kill_prometheus() -> None:
    for pid in children(os.getpid()):
        if b"--storage.tsdb.path" in (Path("/proc") / str(pid) / "cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.prometheus
@pytest.mark.slow
def test_figures_go_on_over_the_death_of_prometheus(tmp_path: Path) -> None:
    """What came while it was away comes with its next scrape."""
    store = tmp_path / "prometheus"
    store.mkdir()
    config = _config(tmp_path, free_port())
    with serving(tmp_path, config) as server:
        with prometheus(store, scraped_port=config["port"], tuner_port=free_port()) as on:
            _ask(server, 1)
            _until_seen(on, 1)
            _kill_prometheus()
            _ask(server, 40)
        with prometheus(store, scraped_port=config["port"], tuner_port=free_port()) as on:
            _until_seen(on, 41)
            for expr in (COUNTED, JUDGED):
                assert 39.9 < _increase(on, expr) < 1.2 * 40
