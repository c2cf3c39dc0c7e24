"""Reading small text files of the user's with bounded effort and no surprises."""

from __future__ import annotations

import stat
from pathlib import Path

MAX_BYTES = 262_144
"""A policy, or a text it refers to, may have this many bytes."""


class UnreadableError(Exception):
    """A file cannot be used; the message says why and what to do, without the path.

    Args:
        message: for people.
        line: 1-based line of the fault, if there is one.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def read_bounded(path: Path) -> bytes:
    """Return a regular file's content.

    Raises:
        UnreadableError: it is missing, unreadable, no regular file, or larger than
            MAX_BYTES.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would block for ever
            raise UnreadableError("is not a regular file.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UnreadableError("no such file. Check the path.") from error
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise UnreadableError(f"cannot be read ({reason}). Check its permissions.") from error
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"is larger than {MAX_BYTES:,} bytes. Shorten it.")
    return content


def decode_text(content: bytes) -> str:
    """Return UTF-8 text with plain line ends and without a byte-order mark.

    Raises:
        UnreadableError: it is not UTF-8; carries the line.
    """
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise UnreadableError(f"byte 0x{byte:02x} is not UTF-8. Save it as UTF-8.", line) from error
