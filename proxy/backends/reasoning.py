"""Splits what a model thinks, within ``<think>`` and ``</think>``, from what it answers."""

from __future__ import annotations

from typing import NamedTuple

OPENING, CLOSING = "<think>", "</think>"


class Split(NamedTuple):
    """The next piece of each."""

    reasoning: str = ""
    answer: str = ""


class ReasoningSplitter:
    """Follows one answer as its text comes, cut anywhere.

    Thoughts come first or not at all: a tag further on is part of the answer. Whitespace around
    thoughts belongs to neither.

    Args:
        is_thinking: whether the prompt has opened the tag already.
    """

    __slots__ = ("_held", "_is_blank", "_state")

    def __init__(self, *, is_thinking: bool = False) -> None:
        self._state = "thinking" if is_thinking else "undecided"
        self._held = ""
        # Nothing but whitespace has come since the state changed.
        self._is_blank = True

    def feed(self, text: str) -> Split:
        """Take the next piece of text."""
        self._held += text
        if self._state == "undecided":
            self._decide()
        reasoning = self._think() if self._state == "thinking" else ""
        return Split(reasoning, self._answer() if self._state == "answering" else "")

    def finish(self) -> Split:
        """What was held back, once no more comes."""
        rest, self._held = self._held, ""
        if self._state == "thinking":
            return Split(reasoning=rest.rstrip())
        return Split(answer=rest)

    def _decide(self) -> None:
        start = self._held.lstrip()
        if start.startswith(OPENING):
            self._state, self._held = "thinking", start[len(OPENING) :]
        elif not OPENING.startswith(start):
            self._state, self._is_blank = "answering", False

    def _think(self) -> str:
        at = self._held.find(CLOSING)
        if at >= 0:
            shown, self._held = self._held[:at].rstrip(), self._held[at + len(CLOSING) :]
            shown = shown.lstrip() if self._is_blank else shown
            self._state, self._is_blank = "answering", True
            return shown
        if self._is_blank:
            self._held = self._held.lstrip()
            self._is_blank = not self._held
        shown = self._held[: len(self._held) - partial_end(self._held, CLOSING)].rstrip()
        self._held = self._held[len(shown) :]
        return shown

    def _answer(self) -> str:
        shown, self._held = self._held, ""
        if self._is_blank:
            shown = shown.lstrip()
            self._is_blank = not shown
        return shown


def partial_end(text: str, tag: str) -> int:
    """Length of the longest end of `text` with which `tag` begins, less than all of `tag`."""
    longest = min(len(text), len(tag) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(tag[:n])), 0)
