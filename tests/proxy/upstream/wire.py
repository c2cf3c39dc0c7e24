"""A connection without a network: what it writes is recorded, what it reads is given by hand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

from proxy.upstream.connection import Connection
from tests.conformance.upstream_faults import OK


class Wire(asyncio.Transport):
    """The transport of one connection.

    Attributes:
        peer: the server's end of the socket, to make the connection's end readable.
        written: all that was sent.
        is_flowing: whether reading is not paused.
        is_aborted: whether it was closed.
        n_unsent: what the write buffer is said to hold.
    """

    def __init__(self, *, is_tls: bool = False) -> None:
        super().__init__()
        self._socket, self.peer = socket.socketpair()
        self._is_tls = is_tls
        self.written = b""
        self.is_flowing = True
        self.is_aborted = False
        self.n_unsent = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The socket, and whether TLS is spoken."""
        known = {"socket": self._socket, "ssl_object": object() if self._is_tls else None}
        return known.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Record."""
        self.written += bytes(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Record."""
        self.written += b"".join(list_of_data)

    def get_write_buffer_size(self) -> int:
        """What the test says."""
        return self.n_unsent

    def pause_reading(self) -> None:
        """Record."""
        self.is_flowing = False

    def resume_reading(self) -> None:
        """Record."""
        self.is_flowing = True

    def abort(self) -> None:
        """Record, and close the sockets."""
        self.is_aborted = True
        self._socket.close()
        self.peer.close()


def connected(
    on_lost: Callable[[Connection], None] = lambda _: None, *, is_tls: bool = False
) -> tuple[Connection, Wire]:
    """A connection on a wire."""
    connection, wire = Connection(on_lost), Wire(is_tls=is_tls)
    connection.connection_made(wire)
    return connection, wire


def finish(connection: Connection) -> None:
    """Have it send a request and receive the whole answer."""
    connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")
    connection.data_received(OK)
