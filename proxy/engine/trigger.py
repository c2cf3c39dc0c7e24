"""When a grammar begins to hold: at once, after the thinking, or where a tool call starts."""

from __future__ import annotations

from dataclasses import dataclass

THINK, END_OF_THINKING = b"<think>", b"</think>"


@dataclass(frozen=True, slots=True)
class Grammar:
    """What an answer has to look like, and from where on.

    Args:
        text: GBNF with a rule ``root``.
        trigger: the grammar holds behind this text, if the answer contains it; empty: the whole
            answer follows it.
        at_start: the trigger counts at the answer's beginning only.
        is_thinking: the prompt has opened ``<think>`` already, and the answer begins in it.
    """

    text: str
    trigger: str = ""
    at_start: bool = False
    is_thinking: bool = False

    @property
    def is_lazy(self) -> bool:
        """Whether the answer begins without it."""
        return bool(self.trigger) or self.is_thinking


class Trigger:
    """Watches an answer for the place behind which its grammar holds.

    A trigger within ``<think>`` does not count: there a model talks to itself.

    Args:
        grammar: a lazy one.
    """

    __slots__ = ("_at_start", "_is_thinking", "_seen", "_text")

    def __init__(self, grammar: Grammar) -> None:
        self._text = grammar.trigger.encode()
        self._at_start = grammar.at_start
        self._is_thinking = grammar.is_thinking
        self._seen = b""

    @property
    def missing(self) -> bytes | None:
        """What would end thinking now, where only that is waited for; otherwise None."""
        return None if self._text else END_OF_THINKING

    def completes(self, piece: bytes) -> bytes | None:
        """The part of `piece` up to the trigger's end, or None while it does not complete one."""
        end = self._find(self._seen + piece)
        return None if end is None else piece[: end - len(self._seen)]

    def add(self, piece: bytes) -> None:
        """Note the answer's next bytes."""
        self._seen += piece

    def _find(self, answer: bytes) -> int | None:
        start = 0
        if self._is_thinking or answer.lstrip().startswith(THINK):
            start = answer.find(END_OF_THINKING) + len(END_OF_THINKING)
            if start < len(END_OF_THINKING):
                return None
        elif not self._text:
            return None
        if self._at_start:
            start = len(answer) - len(answer[start:].lstrip())
            return start + len(self._text) if answer.startswith(self._text, start) else None
        at = answer.find(self._text, start)
        return None if at < 0 else at + len(self._text)
