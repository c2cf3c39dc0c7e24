"""A certificate authority of the tests' own, and a server certificate for ``localhost``."""

from __future__ import annotations

import atexit
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class ServerTls:
    """What a TLS server needs, and whom its clients must trust."""

    context: ssl.SSLContext
    ca_file: str


@cache
def server_tls() -> ServerTls:
    """Make both with the openssl command, once a process; without it the test is skipped."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    folder = Path(tempfile.mkdtemp(prefix="guardtune-tests-"))
    atexit.register(shutil.rmtree, folder)
    authority = ("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=GuardTune tests")
    server = ("-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost")
    for names, extensions in (
        (authority, ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")),
        (
            (*server, "-CA", "ca.pem", "-CAkey", "ca.key"),
            ("basicConstraints=critical,CA:FALSE", "subjectAltName=DNS:localhost"),
        ),
    ):
        added = [argument for extension in extensions for argument in ("-addext", extension)]
        command = [openssl, "req", "-x509", "-days", "2", *_KEY, *names, *added]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return ServerTls(context, str(folder / "ca.pem"))
