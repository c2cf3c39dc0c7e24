"""The server does what its own OpenAPI document says, whatever schemathesis thinks of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.wire.routes import KNOWN
from tests.conformance.clients.site import Site

CONFIG = Path(__file__).parents[1] / "schemathesis.toml"


@pytest.mark.schemathesis
def test_server_does_what_its_document_says(site: Site, tmp_path: Path) -> None:
    """No 500, nothing that is not described, nothing wrong let in; what is right gets through."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color"),
        *("run", f"{site.server.url}/openapi.json"),
    ]
    # It keeps notes of what it found where it is started.
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.server.metric("guardtune_internal_errors_total") == 0
    asked = {request.path for request in site.behind.server.requests}
    assert asked == {*(route.path for route in KNOWN), "/v1/rerank"}
