"""``guardtune serve``: read the configuration, listen, and stop gracefully."""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from proxy import __version__
from proxy.app import Proxy, build
from proxy.errors import GuardTuneError, SettingsError
from proxy.operations.service import Service
from proxy.serve.listener import listen, reserve
from proxy.serve.parent import Parent
from proxy.serve.server import Server, run, settle, start_logging
from proxy.settings import Settings, load_settings
from proxy.wire.http_server import server_config


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        0 after a graceful stop; 2 where something of the user's is wrong (said on stderr); 1 for a
        bug of ours.
    """
    arguments = parser().parse_args(argv)
    try:
        settings = read_settings(arguments, os.environ)
        start_logging(settings.log_level)
        several = None if settings.workers == 1 else Parent(settings, environ=os.environ)
        proxy = build(settings, environ=os.environ) if several is None else several.proxy
        open_port = listen if several is None else reserve
        listener = open_port(settings.host, settings.port)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n{error.how_many}; not started.\n")
        return 2
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with listener:
        _say(banner(settings, proxy.service, listener))
        if several is None:
            _run(settings, proxy, listener)
        else:
            several.run(listener, on_ready=_ready)
        return _verdict(proxy.service.failure)


def read_settings(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Combine file, environment and flags; raises SettingsError with every mistake."""
    flags = {
        "host": arguments.host,
        "port": arguments.port,
        "policies": arguments.policies,
        "workers": arguments.workers,
        "log_level": arguments.log_level,
        "insecure": True if arguments.insecure else None,
        "models": None if arguments.model is None else [_model_from(arguments.model)],
    }
    return load_settings(config=arguments.config, environ=environ, flags=flags)


def banner(settings: Settings, service: Service, listener: socket.socket) -> str:
    """Say in a few lines where the server is, what it serves, and under which policies."""
    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    snapshot = service.parts.policies.store.snapshot
    models = ", ".join(f"{model.name} ({model.backend})" for model in settings.models)
    policies = ", ".join(str(policy.ref) for policy in snapshot.policies)
    lines = [
        f"GuardTune {__version__}",
        f"  address   {address}/v1",
        f"  models    {models}",
        f"  policies  {policies or 'none in force: requests pass through unchanged'}",
    ]
    if settings.workers > 1:
        lines.append(f"  workers   {settings.workers}")
    if snapshot.problems:
        lines.append(f"  problems  {len(snapshot.problems)} in {settings.policies}, see the log")
    return "\n".join(lines)


def _run(settings: Settings, proxy: Proxy, listener: socket.socket) -> None:
    config = server_config(
        proxy.app,
        keep_alive_s=settings.limits.keep_alive_s,
        drain_s=settings.limits.drain_timeout_s,
        lifespan="on",
    )

    async def drain() -> None:
        proxy.service.drain()

    server = Server(config, drain)
    proxy.service.on_failure = server.stop
    proxy.service.on_ready = _ready
    run(server, lambda: server.serve(sockets=[listener]))


def _ready() -> None:
    settle()
    _say("  ready")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _verdict(failure: Exception | None) -> int:
    if isinstance(failure, GuardTuneError):
        sys.stderr.write(f"{failure}\n")
        return 2
    return 0 if failure is None else 1


def _model_from(path: str) -> dict[str, str]:
    """Name a GGUF file's model after the file: ``/models/My Model.Q4.gguf`` → ``My-Model.Q4``."""
    stem = Path(path).name.removesuffix(".gguf")
    name = re.sub(r"[^A-Za-z0-9._:@+-]+", "-", stem).strip("-._") or "model"
    return {"backend": "llama_cpp", "name": name, "path": path}


def parser() -> argparse.ArgumentParser:
    """Return the flags of `guardtune serve`."""
    parser = argparse.ArgumentParser(
        prog="guardtune serve",
        description="Serve models behind the OpenAI API, under the policies of a folder.",
        epilog="Each setting can also stand in the configuration file; see docs/configuration.md.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML file with all settings")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (8000); 0 takes a free one")
    parser.add_argument("--policies", metavar="FOLDER", help="folder of policy files (policies)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that answer requests (1)"
    )
    parser.add_argument("--model", metavar="GGUF", help="serve this GGUF file, and nothing else")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"))
    parser.add_argument(
        "--insecure", action="store_true", help="listen beyond loopback without any key"
    )
    return parser
