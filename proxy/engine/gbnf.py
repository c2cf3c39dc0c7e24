"""Checks a GBNF grammar before llama.cpp sees it.

llama.cpp answers a grammar it cannot parse with NULL, prints it to the standard error, and on some
grammars that it does parse it never returns: indirect left recursion, rules whose leftmost paths
multiply. Here the mistake is found with its line, and nothing of the kind gets through.

Source: grammars/README.md and src/llama-grammar.cpp of llama.cpp.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import NamedTuple

MAX_CHARS = 65_536
MAX_NESTING = 64
MAX_REPEATED = 20_000
"""Characters or references that one repetition may stand for; llama.cpp writes them all out."""

MAX_WRITTEN = 500_000
"""The same for all of a grammar; llama.cpp makes 600,000 rules of 300 repetitions in 0.8 s."""

MAX_LEFT_PATHS = 20_000
"""Ways to begin a rule. llama.cpp keeps a stack for each and compares it with all others: 10,000 of
them take it up to half a second, 40,000 took it 23."""

MAX_STEPS = 20_000_000
"""Steps of its search for left recursion, which begins at every rule anew; they take 0.4 s."""

_NOTHING = '""'
"""The name under which an empty literal is a rule, one that produces nothing."""

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
    """One element of a sequence.

    Args:
        rule: its name; None for characters.
        size: references or characters that it is with all its repetitions written out.
        may_be_empty: whether no repetition is one, too.
    """

    rule: str | None
    size: int
    may_be_empty: bool = False


_Alternatives = Mapping[str, list[list[_Item]]]
"""What each rule may be."""


@dataclass(slots=True)
class _Rules:
    """What was parsed; groups are rules of their own, named after their place."""

    alternatives: dict[str, list[list[_Item]]] = field(default_factory=lambda: {_NOTHING: [[]]})
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
    _refuse_long(rules.alternatives)
    empty = _empty_rules(rules.alternatives)
    order = _refuse_left_recursion(rules.alternatives, empty)
    _refuse_many_paths(rules.alternatives, empty, order)


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
        if token.text == _NOTHING:
            return _Item(_NOTHING, 1)
        n_chars = len(_CHARACTER.findall(token.text[1:-1])) if len(token.text) > 1 else 1
        return _Item(None, n_chars)

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


def _refuse_long(rules: _Alternatives) -> None:
    n_written = sum(item.size for items in _sequences(rules) for item in items)
    if n_written > MAX_WRITTEN:
        raise GrammarError("its repetitions are too many, all together")


def _refuse_left_recursion(rules: _Alternatives, empty: set[str]) -> list[str]:
    """The rules' names, each after those that it may begin with."""
    left = {
        name: [item.rule for items in alternatives for item in _leftmost(items, empty) if item.rule]
        for name, alternatives in rules.items()
    }
    try:
        return list(TopologicalSorter(left).static_order())
    except CycleError as error:
        names = [name for name in error.args[1] if not name.startswith("(")]
        raise GrammarError(
            f"rule {names[0] if names else 'root'!r} begins with itself (left recursion)"
        ) from error


def _refuse_many_paths(rules: _Alternatives, empty: set[str], order: Sequence[str]) -> None:
    """Bound what llama.cpp does before and after each character.

    It writes ``S{0,9}`` out as nine rules, each of them S and the one before. Where S may be empty,
    a way to begin the last of them leads through all nine.
    """
    paths: dict[str | None, int] = {None: 1}
    for name in order:
        paths[name] = 1 + sum(
            (item.size if item.rule in empty else 1) * paths[item.rule]
            for items in rules[name]
            for item in _leftmost(items, empty)
        )
        if paths[name] > MAX_LEFT_PATHS:
            raise GrammarError("its rules begin with each other in too many ways")
    n_steps = sum(paths.values())
    for items in _sequences(rules):
        for item in items:
            # Of rules that were written out, each is a place to begin the search at.
            n_walks = item.size * (item.size + 1) // 2 if item.rule in empty else item.size
            n_steps += n_walks * paths[item.rule]
    if n_steps > MAX_STEPS:
        raise GrammarError("its repetitions and rules begin with each other in too many ways")


def _empty_rules(rules: _Alternatives) -> set[str]:
    """The rules that may produce nothing.

    A sequence may once all of its items may: each rule that is found tells those that mention it,
    so that every mention is looked at twice, however long the chain.
    """
    found: list[str] = []
    waiting: dict[str, list[_Waiting]] = defaultdict(list)
    for name, alternatives in rules.items():
        for items in alternatives:
            needed = [item.rule for item in items if not item.may_be_empty]
            sequence = _Waiting(name, len(needed))
            if not needed:
                found.append(name)
            for rule in needed:
                if rule is not None:  # characters are never nothing
                    waiting[rule].append(sequence)
    empty: set[str] = set()
    while found:
        name = found.pop()
        if name not in empty:
            empty.add(name)
            found += [one.name for one in waiting[name] if one.is_last()]
    return empty


@dataclass(slots=True)
class _Waiting:
    """A sequence of the rule `name` that is nothing once `n_left` more mentions are."""

    name: str
    n_left: int

    def is_last(self) -> bool:
        """Note that one more may be nothing; whether that was the last."""
        self.n_left -= 1
        return not self.n_left


def _sequences(rules: _Alternatives) -> Iterator[list[_Item]]:
    return chain.from_iterable(rules.values())


def _leftmost(items: list[_Item], empty: set[str]) -> Iterator[_Item]:
    """What a sequence may begin with."""
    for item in items:
        yield item
        if not item.may_be_empty and item.rule not in empty:
            return
