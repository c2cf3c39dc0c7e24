"""Every request has an id: in the answer's header, in every log line, and given to the backend."""

from __future__ import annotations

import itertools
import re
import secrets

_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

_PROCESS = secrets.token_hex(10)
_numbers = itertools.count(1)


def new_id() -> str:
    """Make an id that no other request has, here or in any other process."""
    return f"req-{_PROCESS}-{next(_numbers):x}"


def request_id(sent: bytes | None) -> str:
    """Take over a sane ``x-request-id`` of the client, or make one.

    One with other characters, or longer than 128, is replaced: it would end in logs and headers.
    """
    if sent is None or _SANE.fullmatch(sent) is None:
        return new_id()
    return str(sent, "ascii")
