"""One line on a terminal that says how work stands; plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_EVERY_S = 0.25
_EVERY_PLAIN_S = 15.0


class StatusLine:
    """Shows a text again and again, on a terminal in place of what stood there before.

    Args:
        stream: usually stderr.
        text: gives the line as it is to be shown now.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        text: Callable[[], str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._text = text
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._shown_at = clock()

    def show(self, *, force: bool = False) -> None:
        """Show the line; unless forced, not oftener than people can read it."""
        every = _EVERY_S if self._is_terminal else _EVERY_PLAIN_S
        now = self._clock()
        if not force and now - self._shown_at < every:
            return
        self._shown_at = now
        self._clear()
        self._stream.write(self._text() + ("" if self._is_terminal else "\n"))
        self._stream.flush()

    def say(self, text: str) -> None:
        """Print lines above it."""
        self._clear()
        self._stream.write(text.rstrip("\n") + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Remove the line."""
        self._clear()
        self._stream.flush()

    def _clear(self) -> None:
        if self._is_terminal:
            self._stream.write("\r\x1b[2K")
