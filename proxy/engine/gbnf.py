"""Checks a GBNF grammar before llama.cpp sees it.

llama.cpp answers a grammar it cannot parse with NULL, prints it to the standard error, and on some
grammars that it does parse it never returns: indirect left recursion, rules whose leftmost paths
multiply. Here the mistake is found with its line, and nothing of the kind gets through.

Source: grammars/README.md and src/llama-grammar.cpp of llama.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

MAX_CHARS = 65_536
MAX_NESTING = 64
MAX_REPEATED = 20_000
"""Characters or references that one repetition may stand for; llama.cpp writes them all out."""

MAX_LEFT_PATHS = 100_000
"""llama.cpp walks every leftmost path when it looks for left recursion."""

_ESCAPE = r'\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[trn\\"\[\]-])'
_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t]+|\#[^\r\n]*)
  | (?P<newline>\r\n|\r|\n)
  | (?P<define>::=)
  | (?P<name>[A-Za-z0-9-]+)
  | (?P<literal>"(?:[^"\\\0]|{_ESCAPE})*")
  | (?P<set>\[\^?(?:[^\]\\\0]|{_ESCAPE})+\]|\.)
  | (?P<repeat>[*+?]
      |\{{[ \t]*(?P<low>\d{{1,6}})[ \t]*(?P<comma>,[ \t]*(?P<high>\d{{1,6}})?[ \t]*)?\}})
  | (?P<mark>[()|])
    """,
    re.VERBOSE,
)
_CHARACTER = re.compile(rf"{_ESCAPE}|.", re.DOTALL)


class GrammarError(ValueError):
    """A grammar or a JSON schema that cannot be followed; the message says where and why."""


class _Token(NamedTuple):
    kind: str
    text: str
    line: int
    match: re.Match[str]


class _Item(NamedTuple):
    """One element of a sequence: a rule's name or None for characters, and its repetitions."""

    rule: str | None
    size: int
    may_be_empty: bool = False


@dataclass(slots=True)
class _Rules:
    """What was parsed; groups are rules of their own, named after their place."""

    alternatives: dict[str, list[list[_Item]]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)


def check_gbnf(text: str, *, root: str = "root") -> None:
    """See whether llama.cpp will be able to follow a grammar.

    Args:
        text: the grammar, at most :data:`MAX_CHARS` characters.
        root: the rule it starts from.

    Raises:
        GrammarError: it is too long, malformed, incomplete, left-recursive or out of proportion.
    """
    if len(text) > MAX_CHARS:
        raise GrammarError(f"it has {len(text)} characters; {MAX_CHARS} are allowed")
    rules = _Parser(text).parse()
    for name, line in rules.used.items():
        if name not in rules.alternatives:
            raise GrammarError(f"line {line}: there is no rule {name[:80]!r}")
    if root not in rules.alternatives:
        raise GrammarError(f"there is no rule {root!r}")
    _refuse_left_recursion(rules.alternatives)


class _Parser:
    """Recursive descent over the tokens of a grammar."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._rules = _Rules()

    def parse(self) -> _Rules:
        """Every rule of the grammar."""
        self._skip_newlines()
        while self._peek() is not None:
            self._rule()
            self._skip_newlines()
        return self._rules

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next_is(self, *texts: str) -> bool:
        token = self._peek()
        return token is not None and token.text in texts and token.kind != "literal"

    def _take(self, kind: str, what: str) -> _Token:
        token = self._peek()
        if token is None or token.kind != kind:
            raise self._error(f"{what} is expected")
        self._at += 1
        return token

    def _error(self, what: str) -> GrammarError:
        token = self._peek()
        if token is None:
            return GrammarError(f"at the end: {what}")
        return GrammarError(f"line {token.line}: {what}, not {token.text[:80]!r}")

    def _skip_newlines(self) -> None:
        while (token := self._peek()) is not None and token.kind == "newline":
            self._at += 1

    def _rule(self) -> None:
        name = self._take("name", "the name of a rule").text
        self._take("define", "'::='")
        self._skip_newlines()
        self._rules.alternatives[name] = self._alternatives(depth=0)
        token = self._peek()
        if token is not None and token.kind != "newline":
            raise self._error("the end of the rule is expected")

    def _alternatives(self, *, depth: int) -> list[list[_Item]]:
        found = [self._sequence(depth)]
        while self._next_is("|"):
            self._at += 1
            self._skip_newlines()
            found.append(self._sequence(depth))
        return found

    def _sequence(self, depth: int) -> list[_Item]:
        items: list[_Item] = []
        while (token := self._peek()) is not None:
            match token.kind:
                case "name" | "literal" | "set":
                    self._at += 1
                    items.append(self._simple(token))
                case "repeat":
                    if not items:
                        raise self._error("something to repeat is expected")
                    self._at += 1
                    items[-1] = _repeated(items[-1], token)
                case "newline" if depth:
                    self._at += 1
                case "mark" if token.text == "(":
                    items.append(self._group(depth + 1))
                case _:
                    break
        return items

    def _simple(self, token: _Token) -> _Item:
        if token.kind == "name":
            self._rules.used.setdefault(token.text, token.line)
            return _Item(token.text, 1)
        n_chars = len(_CHARACTER.findall(token.text[1:-1])) if len(token.text) > 1 else 1
        return _Item(None, n_chars, may_be_empty=token.kind == "literal" and not n_chars)

    def _group(self, depth: int) -> _Item:
        if depth > MAX_NESTING:
            raise self._error(f"at most {MAX_NESTING} groups may be nested")
        name = f"({self._at}"
        self._at += 1
        self._skip_newlines()
        self._rules.alternatives[name] = self._alternatives(depth=depth)
        if not self._next_is(")"):
            raise self._error("')' is expected")
        self._at += 1
        return _Item(name, 1)


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise GrammarError(f"line {line}: cannot read {text[at : at + 20]!r}")
        kind = match.lastgroup if match.lastgroup not in {"low", "comma", "high"} else "repeat"
        if kind != "space":
            yield _Token(str(kind), match.group(), line, match)
        line += match.group().count("\n") + (match.group() == "\r")
        at = match.end()


def _repeated(item: _Item, token: _Token) -> _Item:
    low, high = _bounds(token)
    times = max(low, high or 0)
    if item.size * times > MAX_REPEATED:
        raise GrammarError(f"line {token.line}: {token.text} repeats too much")
    return item._replace(may_be_empty=item.may_be_empty or low == 0, size=item.size * max(times, 1))


def _bounds(token: _Token) -> tuple[int, int | None]:
    if token.text in {"*", "+", "?"}:
        return int(token.text == "+"), (1 if token.text == "?" else None)
    low, comma, high = token.match.group("low", "comma", "high")
    if comma is None:
        return int(low), int(low)
    if high is not None and int(high) < int(low):
        raise GrammarError(f"line {token.line}: {token.text} ends before it begins")
    return int(low), (None if high is None else int(high))


def _refuse_left_recursion(rules: Mapping[str, list[list[_Item]]]) -> None:
    empty = _empty_rules(rules)
    left = {
        name: [ref for items in alternatives for ref in _leftmost(items, empty)]
        for name, alternatives in rules.items()
    }
    try:
        order = list(TopologicalSorter(left).static_order())
    except CycleError as error:
        names = [name for name in error.args[1] if not name.startswith("(")]
        raise GrammarError(
            f"rule {names[0] if names else 'root'!r} begins with itself (left recursion)"
        ) from error
    paths: dict[str, int] = {}
    for name in order:
        paths[name] = 1 + sum(paths[ref] for ref in left[name])
        if paths[name] > MAX_LEFT_PATHS:
            raise GrammarError("its rules begin with each other in too many ways")


def _empty_rules(rules: Mapping[str, list[list[_Item]]]) -> set[str]:
    """The rules that may produce nothing."""
    empty: set[str] = set()
    n_before = -1
    while n_before < len(empty):
        n_before = len(empty)
        for name, alternatives in rules.items():
            if any(all(_is_empty(item, empty) for item in items) for items in alternatives):
                empty.add(name)
    return empty


def _is_empty(item: _Item, empty: set[str]) -> bool:
    return item.may_be_empty or item.rule in empty


def _leftmost(items: list[_Item], empty: set[str]) -> Iterator[str]:
    """The rules that a sequence may begin with."""
    for item in items:
        if item.rule is not None:
            yield item.rule
        if not _is_empty(item, empty):
            return
