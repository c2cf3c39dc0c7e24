"""The server does what its own OpenAPI document says, whatever schemathesis thinks of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.clients.site import Site

CONFIG = Path(__file__).parents[1] / "schemathesis.toml"


@pytest.mark.schemathesis
def test_server_does_what_its_document_says(site: Site, tmp_path: Path) -> None:
    """No 500, no status, content type or body that is not described, nothing wrong let in."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color"),
        *("run", f"{site.server.url}/openapi.json"),
    ]
    # It keeps notes of what it found where it is started.
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.server.metric("guardtune_internal_errors_total") == 0
