"""A real Prometheus with our configuration and rules, on a port of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import OK
from pathlib import Path

import yaml

from scripts.observability.processes import free_port, get, get_json, running, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
INSTALL = "Prometheus is missing. On Debian: apt-get install prometheus"
EVERY_S = 1
"""Seconds between scrapes, and between evaluations, instead of fifteen."""

_READY_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value now."""

    labels: dict[str, str]
    value: float


class Prometheus:
    """Its HTTP API.

    Args:
        port: where it listens on the loopback.
        kill: ends it without a word, as the machine would; started again on the same folder, it
            goes on from what is on the disk.
    """

    def __init__(self, port: int, kill: Callable[[], None]) -> None:
        self.port = port
        self.kill = kill

    def query(self, expr: str) -> list[Sample]:
        """The value of every series of an expression, now.

        Raises:
            RuntimeError: Prometheus does not understand it.
        """
        data = get_json(self.port, "/api/v1/query", query=expr)["data"]
        return [Sample(item["metric"], float(item["value"][1])) for item in data["result"]]

    def query_range(
        self, expr: str, *, start: float, end: float, step_s: float
    ) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Every series' labels and its (time, value) points.

        Args:
            expr: PromQL.
            start: Unix seconds.
            end: Unix seconds.
            step_s: seconds between points.
        """
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s:g}"}
        data = get_json(self.port, "/api/v1/query_range", query=expr, **span)["data"]
        return [
            (item["metric"], [(float(at), float(value)) for at, value in item["values"]])
            for item in data["result"]
        ]

    def label_values(self, series: str, label: str) -> list[str]:
        """Which values a label has on the series of a selector, sorted."""
        path = f"/api/v1/label/{label}/values"
        found: list[str] = get_json(self.port, path, **{"match[]": series})["data"]
        return sorted(found)

    def first(self, selector: str) -> float | None:
        """When a series of a selector first had a value within the last hour, in Unix seconds."""
        found = self.query(f"min(min_over_time(timestamp({selector})[1h:{EVERY_S}s]))")
        return found[0].value if found else None

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        alerts = get_json(self.port, "/api/v1/alerts")["data"]["alerts"]
        return {item["labels"]["alertname"] for item in alerts if item["state"] == "firing"}


def is_installed() -> bool:
    """Whether there is a Prometheus to start."""
    return shutil.which("prometheus") is not None


@contextmanager
def prometheus(folder: Path, *, scraped_port: int, tuner_port: int) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes two ports of this machine, until the block is left.

    Args:
        folder: for its data, its configuration and its log.
        scraped_port: where the proxy's ``/metrics`` is.
        tuner_port: where a search's will be.

    Raises:
        TimeoutError: it does not start; its log is in the folder.
    """
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(_configuration(scraped_port, tuner_port), encoding="utf-8")
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with running(command, folder / "prometheus.log") as process:
        wait_until(lambda: _is_ready(port), "Prometheus", within_s=_READY_WITHIN_S)
        server = Prometheus(port, process.kill)
        # It looks for targets some seconds after it is ready.
        wait_until(lambda: bool(server.query("up == 1")), "a scrape", within_s=_READY_WITHIN_S)
        yield server


def _is_ready(port: int) -> bool:
    return get(port, "/-/ready")[0] == OK


def _configuration(*ports: int) -> str:
    """The shipped one, with other targets and a shorter pace."""
    source = DEPLOY / "prometheus" / "prometheus.yml"
    config = yaml.safe_load(source.read_text("utf-8"))
    config["global"] = {"scrape_interval": f"{EVERY_S}s", "evaluation_interval": f"{EVERY_S}s"}
    config["rule_files"] = [str(source.with_name(name)) for name in config["rule_files"]]
    for job, port in zip(config["scrape_configs"], ports, strict=True):
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    return yaml.safe_dump(config)
