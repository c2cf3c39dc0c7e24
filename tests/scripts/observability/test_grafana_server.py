"""What a Grafana beside would be told."""

from __future__ import annotations

from pathlib import Path

import yaml

from scripts.observability.grafana_server import environment
from scripts.observability.prometheus_server import DEPLOY

PROVISIONING = DEPLOY / "grafana" / "provisioning"


def test_environment_has_every_variable_of_the_provisioning_files(tmp_path: Path) -> None:
    """The dashboards' folder exists, and the data source is the Prometheus beside."""
    environ = environment(tmp_path, port=3000, prometheus_port=9090)
    (provider,) = yaml.safe_load(
        (PROVISIONING / "dashboards" / "guardtune.yaml").read_text("utf-8")
    )["providers"]
    (source,) = yaml.safe_load(
        (PROVISIONING / "datasources" / "guardtune.yaml").read_text("utf-8")
    )["datasources"]
    assert (provider["type"], source["type"]) == ("file", "prometheus")
    folder = environ[provider["options"]["path"].removeprefix("$")]
    assert list(Path(folder).glob("guardtune-*.json"))
    assert environ[source["url"].removeprefix("$")] == "http://127.0.0.1:9090"
    assert environ["GF_PATHS_PROVISIONING"] == str(PROVISIONING)
    assert environ["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
