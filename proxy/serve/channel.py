"""Messages over a socket pair: in order, whole or not at all, and its end is the other's end."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from contextlib import suppress
from typing import Any

_LENGTH = struct.Struct("!I")


class Channel:
    """One end of a socket pair on the event loop. Make it with `open_channel`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def is_clogged(self) -> bool:
        """Whether the other end has not taken yet what was sent."""
        return self._writer.transport.get_write_buffer_size() > 0

    def send(self, message: object) -> None:
        """Send without waiting; what is sent to an end that is gone is lost."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def receive(self) -> Any:
        """Return the next message; None once the other end is gone. A torn last one is dropped."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            return _decode(await self._reader.readexactly(length))
        return None

    def abort(self) -> None:
        """End at once; what was not sent is lost."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Send what is left, and end."""
        with suppress(ConnectionError):
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()


async def open_channel(end: socket.socket) -> Channel:
    """Take over one end of a socket pair."""
    return Channel(*await asyncio.open_unix_connection(sock=end))


def encode(message: object) -> bytes:
    """Return a message as it is sent."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(content)) + content


def receive_first(end: socket.socket) -> Any:
    """Wait for one message on a blocking socket, and read no byte beyond it.

    Raises:
        ConnectionError: the other end is gone.
    """
    (length,) = _LENGTH.unpack(_read(end, _LENGTH.size))
    return _decode(_read(end, length))


def _read(end: socket.socket, n_bytes: int) -> bytes:
    content = b""
    while len(content) < n_bytes:
        piece = end.recv(n_bytes - len(content))
        if not piece:
            raise ConnectionResetError("the other end is gone")
        content += piece
    return content


def _decode(content: bytes) -> Any:
    return pickle.loads(content)  # noqa: S301 - from our own process; see `messages`
