"""From tokens' bytes to text that may be shown: whole characters, nothing of a stop string.

A token can end in the middle of a UTF-8 character or of a stop string; both are held back until the
next tokens decide.
"""

from __future__ import annotations

import codecs

_new_decoder = codecs.getincrementaldecoder("utf-8")


class AnswerText:
    """Collects one answer's bytes and gives out what may be shown.

    Args:
        stop: strings that end the answer; they are never shown, not even in part.
    """

    __slots__ = ("_decoder", "_held", "_stop", "is_stopped")

    def __init__(self, stop: tuple[str, ...] = ()) -> None:
        self._decoder = _new_decoder(errors="replace")
        self._stop = stop
        self._held = ""
        self.is_stopped = False

    def add(self, piece: bytes) -> str:
        """The text that `piece` makes showable; empty while it might belong to something longer."""
        text = self._decoder.decode(piece)
        if not self._stop:
            return text
        text = self._held + text
        end = _first_stop(text, self._stop)
        if end is not None:
            self.is_stopped = True
            self._held = ""
            return text[:end]
        n_held = _length_of_possible_start(text, self._stop)
        self._held = text[len(text) - n_held :]
        return text[: len(text) - n_held]

    def finish(self) -> str:
        """What was held back, once no more tokens come; half a character is dropped."""
        rest, self._held = self._held, ""
        return rest


def _first_stop(text: str, stop: tuple[str, ...]) -> int | None:
    found = [at for string in stop if (at := text.find(string)) >= 0]
    return min(found, default=None)


def _length_of_possible_start(text: str, stop: tuple[str, ...]) -> int:
    """Length of the longest end of `text` with which one of `stop` begins."""
    return max(_overlap(text, string) for string in stop)


def _overlap(text: str, string: str) -> int:
    longest = min(len(text), len(string) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(string[:n])), 0)
