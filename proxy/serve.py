"""``guardtune serve``: read the configuration, listen, and stop gracefully."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from proxy import __version__
from proxy.app import Proxy, build
from proxy.errors import GuardTuneError, Problem, SettingsError
from proxy.operations.service import Service
from proxy.settings import Settings, load_settings
from proxy.wire.http_server import server_config

_BACKLOG = 2048

_GARBAGE_THRESHOLDS = (10_000, 20, 50)
"""A request makes next to no reference cycles: looking for them 700 objects at a time is too often.
"""


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        0 after a graceful stop; 2 where something of the user's is wrong (said on stderr); 1 for a
        bug of ours.
    """
    arguments = parser().parse_args(argv)
    try:
        settings = read_settings(arguments, os.environ)
        _start_logging(settings)
        proxy = build(settings, environ=os.environ)
        listener = listen(settings.host, settings.port)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n{_count(len(error.problems))}; not started.\n")
        return 2
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with listener:
        _say(banner(settings, proxy.service, listener))
        return _run(settings, proxy, listener)


def read_settings(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Combine file, environment and flags; raises SettingsError with every mistake."""
    flags = {
        "host": arguments.host,
        "port": arguments.port,
        "policies": arguments.policies,
        "log_level": arguments.log_level,
        "insecure": True if arguments.insecure else None,
        "models": None if arguments.model is None else [_model_from(arguments.model)],
    }
    return load_settings(config=arguments.config, environ=environ, flags=flags)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket before anything slow begins, so that a busy port is told at once.

    Raises:
        SettingsError: the port is taken, or the address is not one of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as on_failure:
            listener = on_failure.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            on_failure.pop_all()
            return listener
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


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
    if snapshot.problems:
        lines.append(f"  problems  {len(snapshot.problems)} in {settings.policies}, see the log")
    return "\n".join(lines)


class _Server(uvicorn.Server):
    """Uvicorn, telling the service when it begins to drain."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let running answers finish within the drain time, then stop the rest."""
        self._service.drain()
        await super().shutdown(sockets)


def _run(settings: Settings, proxy: Proxy, listener: socket.socket) -> int:
    config = server_config(
        proxy.app,
        keep_alive_s=settings.limits.keep_alive_s,
        drain_s=settings.limits.drain_timeout_s,
        lifespan="on",
    )
    server = _Server(config, proxy.service)

    def stop() -> None:
        server.should_exit = True

    proxy.service.on_failure = stop
    proxy.service.on_ready = _ready
    # Uvicorn stops gracefully on a signal and then raises it once more: for SIGTERM that would end
    # us with status 143 after a clean stop.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:
        return 0
    return _verdict(proxy.service.failure)


def settle() -> None:
    """Leave what has been loaded out of all garbage collections to come.

    It stays until the end; walking through it takes a tenth of a second, in which nobody is served.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)


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


def _cannot_listen(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        reason = f"port {port} is in use. Stop the other program, or choose another with --port."
    elif error.errno == errno.EACCES:
        reason = f"port {port} needs privileges. Choose one above 1023 with --port."
    else:
        reason = f"cannot listen there ({error.strerror or error}). Check host and port."
    return SettingsError((Problem(f"{host}:{port}", reason),))


def _count(problems: int) -> str:
    return "1 problem" if problems == 1 else f"{problems} problems"


def _start_logging(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("uvicorn.error").setLevel(
        logging.INFO if settings.log_level == "debug" else logging.WARNING
    )


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
    parser.add_argument("--model", metavar="GGUF", help="serve this GGUF file, and nothing else")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"))
    parser.add_argument(
        "--insecure", action="store_true", help="listen beyond loopback without any key"
    )
    return parser
