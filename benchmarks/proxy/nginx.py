"""nginx, as the upstream that costs least and as the proxy that costs least."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.proxy.processes import Program
from benchmarks.proxy.work import ANSWER


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which("nginx") is not None


def static(folder: Path) -> Program:
    """An upstream that answers each request with the same chat completion."""
    answer = ANSWER.decode()
    location = f"default_type application/json; return 200 '{answer}';"
    return _program("direct", folder, location=location)


def reverse_proxy(folder: Path, upstream_port: int) -> Program:
    """A proxy that changes nothing, with connections kept alive."""
    upstream = f"upstream up {{ server 127.0.0.1:{upstream_port}; keepalive 64; }}"
    location = 'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";'
    return _program("nginx", folder, location=location, upstream=upstream)


def _program(name: str, folder: Path, *, location: str, upstream: str = "") -> Program:
    """One worker, no log; its files stay in a folder of its own, and it takes no other's rights."""
    own = folder / f"nginx-{name}"
    own.mkdir(parents=True, exist_ok=True)
    configuration = own / "nginx.conf"
    paths = "".join(
        f"{kind}_temp_path {own / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The port is known only when it is started; nginx takes settings from its command line, too,
    # but not within `http`. So the file is completed by a shell that becomes nginx.
    configuration.write_text(f"""\
worker_processes 1; daemon off; master_process off; pid {own / "pid"}; error_log stderr;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; {paths} {upstream}
 server {{ listen 127.0.0.1:PORT backlog=2048; location / {{ {location} }} }}
}}
""")
    start = (
        f"sed s/PORT/{{port}}/ {configuration} > {own}/run.conf && exec nginx -p {own} -c run.conf"
    )
    return Program(name, ("sh", "-c", start), {})
