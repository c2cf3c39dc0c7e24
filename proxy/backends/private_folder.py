"""A place for the unix sockets by which our processes talk, closed to all other users."""

from __future__ import annotations

import tempfile
from pathlib import Path

_MAX_SOCKET_PATH_BYTES = 100
"""Linux allows 107, macOS 103."""


def private_folder(socket: str) -> Path:
    """Make a folder that only this user can enter, short enough for a socket's address.

    Args:
        socket: the longest name that a socket in it will have.
    """
    folder = Path(tempfile.mkdtemp(prefix="guardtune-"))
    if len(str(folder / socket).encode()) <= _MAX_SOCKET_PATH_BYTES:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="guardtune-", dir="/tmp"))
