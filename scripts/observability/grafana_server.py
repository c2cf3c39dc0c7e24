"""Grafana with our dashboards provisioned, where it is installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import OK
from pathlib import Path

from scripts.observability.processes import free_port, get, running, wait_until
from scripts.observability.prometheus_server import DEPLOY

HOME = Path("/usr/share/grafana")
"""Where Grafana's packages put what the program needs beside itself."""

_READY_WITHIN_S = 120.0


def environment(folder: Path, *, port: int, prometheus_port: int) -> dict[str, str]:
    """Grafana's settings as variables: readable without a password, on the loopback only."""
    return {
        **os.environ,
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(folder / "grafana"),
        "GF_PATHS_LOGS": str(folder / "grafana"),
        "GF_PATHS_PROVISIONING": str(DEPLOY / "grafana" / "provisioning"),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GUARDTUNE_PROMETHEUS": f"http://127.0.0.1:{prometheus_port}",
        "GUARDTUNE_DASHBOARDS": str(DEPLOY / "grafana"),
    }


@contextmanager
def beside(folder: Path, prometheus_port: int) -> Iterator[str | None]:
    """Run Grafana until the block is left; gives its address, or None where there is no Grafana.

    Raises:
        TimeoutError: it does not start; its log is in the folder.
    """
    program = shutil.which("grafana") or shutil.which("grafana-server")
    if program is None:
        yield None
        return
    port = free_port()
    # `grafana-server` was the program's name before `grafana server`.
    verb = ["server"] if Path(program).name == "grafana" else []
    command = [program, *verb, "--homepath", str(HOME)]
    environ = environment(folder, port=port, prometheus_port=prometheus_port)
    with running(command, folder / "grafana.log", environ=environ):
        wait_until(lambda: get(port, "/api/health")[0] == OK, "Grafana", within_s=_READY_WITHIN_S)
        yield f"http://127.0.0.1:{port}/dashboards"
