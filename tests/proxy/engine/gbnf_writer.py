"""Writes random texts that a GBNF grammar allows, without a model."""

from __future__ import annotations

import codecs
import random
import re
from collections.abc import Callable

from proxy.engine.gbnf import _bounds, _Token, _tokens

Node = Callable[[int], str]
"""Writes its text, given how deep it is nested."""

_ESCAPES = re.compile(r"\\(x..|u.{4}|U.{8}|.)", re.DOTALL)
_MAX_DEPTH = 40


class GbnfWriter:
    """A random walk through a grammar.

    Args:
        grammar: one that `check_gbnf` accepts.
        rng: decides.
    """

    def __init__(self, grammar: str, rng: random.Random) -> None:
        self._rng = rng
        self._tokens = list(_tokens(grammar))
        self._at = 0
        self._rules: dict[str, Node] = {}
        while self._skip_lines():
            name = self._tokens[self._at].text
            self._at += 2
            self._skip_lines()
            self._rules[name] = self._alternatives(depth=0)

    def write(self) -> str:
        """One text."""
        return self._rules["root"](0)

    def _skip_lines(self) -> bool:
        while self._peek("newline"):
            self._at += 1
        return self._at < len(self._tokens)

    def _peek(self, *kinds: str) -> _Token | None:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        return token if token is not None and token.kind in kinds else None

    def _alternatives(self, *, depth: int) -> Node:
        options = [self._sequence(depth)]
        while (mark := self._peek("mark")) and mark.text == "|":
            self._at += 1
            options.append(self._sequence(depth))

        def write(level: int) -> str:
            # Deep down, the option least likely to go deeper: rules list leaves last.
            return (self._rng.choice(options) if level < _MAX_DEPTH else options[-1])(level + 1)

        return write

    def _sequence(self, depth: int) -> Node:
        nodes: list[Node] = []
        while token := self._peek("name", "literal", "set", "repeat", "newline", "mark"):
            if (token.kind == "newline" and not depth) or token.text in {"|", ")"}:
                break
            self._at += 1
            if token.kind == "repeat":
                nodes[-1] = self._repeat(nodes[-1], token)
            elif token.text == "(" and token.kind == "mark":
                nodes.append(self._alternatives(depth=depth + 1))
                self._at += 1
            elif token.kind != "newline":
                nodes.append(self._simple(token))
        return lambda level: "".join(node(level) for node in nodes)

    def _repeat(self, node: Node, token: _Token) -> Node:
        low, high = _bounds(token)

        def write(level: int) -> str:
            most = low + 3 if high is None else high
            n = low if level >= _MAX_DEPTH else self._rng.randint(low, min(most, low + 3))
            return "".join(node(level) for _ in range(n))

        return write

    def _simple(self, token: _Token) -> Node:
        if token.kind == "name":
            name = token.text
            return lambda level: self._rules[name](level)  # noqa: PLW0108 — may not exist yet
        if token.kind == "literal":
            text = _unescaped(token.text[1:-1])
            return lambda _level: text
        allowed = _allowed(token.text)
        return lambda _level: self._rng.choice(allowed)


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        inner = match.group(1)
        return codecs.decode(match.group(), "unicode_escape") if inner[0] in "xuUtrn" else inner

    return _ESCAPES.sub(one, text)


def _allowed(text: str) -> list[str]:
    sample = [chr(code) for code in range(1, 256)] + ["é", "€", "🙂", "\u2028"]
    if text == ".":
        return sample
    # Python's sets escape the same way, but for a bracket within.
    pattern = re.compile(text.replace("[", r"\[").replace(r"\[", "[", 1))
    return [char for char in sample if pattern.fullmatch(char)]
