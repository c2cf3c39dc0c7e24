"""The listening sockets: one for a server of one process, one for each of several workers.

Workers do not share one socket: whichever wakes first takes all connections that wait there, so
that of sixteen opened together one of two workers got all, three times out of six; with a socket
each, and the kernel choosing by a hash of the address, between five and eleven. A worker that ends
takes its socket along, and the kernel sends nobody there any more.
"""

from __future__ import annotations

import errno
import socket
import sys
from contextlib import ExitStack

from proxy.errors import Problem, SettingsError

_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket before anything slow begins, so that a busy port is told at once.

    Raises:
        SettingsError: the port is taken, or the address is not one of this machine's.
    """
    with ExitStack() as on_failure:
        listener = on_failure.enter_context(_bound(host, port))
        listener.listen(_BACKLOG)
        on_failure.pop_all()
        return listener


def reserve(host: str, port: int) -> socket.socket:
    """Take an address for workers, without listening there.

    Raises:
        SettingsError: as for `listen`; or this system does not spread connections over sockets.
    """
    if not sys.platform.startswith("linux"):
        raise SettingsError((Problem("workers", "more than 1 needs Linux. Leave it at 1."),))
    # Sharing is for our own: whoever listens there already is found out by a socket that does not.
    with listen(host, port) as probe:
        port = probe.getsockname()[1]
    return _bound(host, port, is_shared=True)


def another(reserved: socket.socket) -> socket.socket:
    """Bind one more socket to a reserved address; whoever gets it listens."""
    host, port = reserved.getsockname()[:2]
    return _bound(host, port, is_shared=True)


def _bound(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as on_failure:
            bound = on_failure.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_shared:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.bind(address)
            on_failure.pop_all()
            return bound
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _cannot_listen(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        reason = f"port {port} is in use. Stop the other program, or choose another with --port."
    elif error.errno == errno.EACCES:
        reason = f"port {port} needs privileges. Choose one above 1023 with --port."
    else:
        reason = f"cannot listen there ({error.strerror or error}). Check host and port."
    return SettingsError((Problem(f"{host}:{port}", reason),))
