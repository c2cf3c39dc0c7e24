"""``python -m proxy.serve.worker``: one of several processes that answer on one port."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from mmap import PAGESIZE, mmap
from pathlib import Path
from threading import Thread

from proxy.app import Shared, build
from proxy.backends.borrowed import BorrowedEngines
from proxy.errors import GuardTuneError
from proxy.metrics import Metrics
from proxy.metrics.tally import Tally
from proxy.operations.service import Service
from proxy.policy.followed import FollowedStore
from proxy.serve.channel import encode, open_channel, receive_first
from proxy.serve.link import Link
from proxy.serve.messages import Failed, Orders, Ready
from proxy.serve.probe_answers import ProbeAnswers
from proxy.serve.server import Server, run, settle, start_logging
from proxy.wire.http_server import server_config

_LAST_CALL_S = 0.2
"""From the last connection taken to the first one closed, for what is on its way to be read."""


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM, or until the parent is gone.

    Args:
        argv: file descriptors: of the socket to listen on, of the channel to the parent, and of the
            tally's memory; then its name, for ``ps``. Stdin is a pipe that ends with the parent.

    Returns:
        0 after a stop, 1 where it could not start: the parent has been told why.
    """
    faulthandler.enable()
    # The parent may ignore it by now; until there is something to drain, it simply ends us.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    listening_fd, channel_fd, tally_fd = map(int, argv[:3])
    listener, end = socket.socket(fileno=listening_fd), socket.socket(fileno=channel_fd)
    tally = Tally(mmap(tally_fd, PAGESIZE))
    orders: Orders = receive_first(end)
    Thread(target=_die_with_parent, args=(Path(orders.pages_path),), daemon=True).start()
    start_logging(orders.settings.log_level, name=orders.name)
    engines = BorrowedEngines()
    engines.update(orders.engines)
    policies = FollowedStore(Path(orders.settings.policies), orders.policies)
    shared = Shared(engines, Metrics(tally=tally), policies, orders.pages_path)
    try:
        proxy = build(orders.settings, environ=os.environ, shared=shared)
    except Exception as error:
        end.sendall(encode(_failed(error)))
        if isinstance(error, GuardTuneError):
            return 1
        raise
    limits = orders.settings.limits
    config = server_config(
        proxy.app,
        keep_alive_s=limits.keep_alive_s,
        drain_s=limits.drain_timeout_s,
        lifespan="off",
    )

    async def drain() -> None:
        # Whoever has just connected is about to ask, and others would answer a new connection.
        for listening in server.servers:
            listening.close()
        await probes.close()
        await asyncio.sleep(_LAST_CALL_S)
        proxy.service.drain()

    probes = ProbeAnswers(proxy.service.parts.models, proxy.service.parts.judges)
    server = Server(config, drain)

    async def serve() -> None:
        link = Link(await open_channel(end), proxy.metrics, policies, engines, probes)
        async with link:
            _connect(proxy.service, link, server)
            await _serve(server, proxy.service, listener, waits=orders.is_replacement)

    run(server, serve)
    return 0 if proxy.service.failure is None else 1


def _failed(error: Exception) -> Failed:
    """Say why it could not start: a mistake in its own words, a bug with its kind."""
    is_mistake = isinstance(error, GuardTuneError)
    return Failed(str(error) if is_mistake else repr(error), is_mistake=is_mistake)


def _connect(service: Service, link: Link, server: Server) -> None:
    def ready() -> None:
        settle()
        link.send(Ready())

    def fail() -> None:
        if service.failure is not None:
            link.send(_failed(service.failure))
        server.stop()

    service.on_ready = ready
    service.on_failure = fail


async def _serve(server: Server, service: Service, listener: socket.socket, *, waits: bool) -> None:
    """Serve; where others do so already, only once there is no reason left to say 503."""
    service.start()
    try:
        if waits:
            # Nobody is connected: SIGTERM need not wait for what is being loaded.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            await service.loaded()
            signal.signal(signal.SIGTERM, server.stop)
            if service.failure is not None:
                return
        await server.serve(sockets=[listener])
    finally:
        await service.close()


def _die_with_parent(pages: Path) -> None:
    """Wait for the end of the pipe that the parent holds open as long as it lives, then end."""
    with suppress(OSError):
        while os.read(0, 1):
            pass
    # Killed, it has left its socket; the last of us finds the folder empty.
    with suppress(OSError):
        pages.unlink(missing_ok=True)
        pages.parent.rmdir()
    # Nobody is left to report to, and the event loop may be stuck.
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
