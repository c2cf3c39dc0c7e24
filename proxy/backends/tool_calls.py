"""How models write tool calls: as data, the grammar that makes them, the reader that finds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from proxy.backends.reasoning import partial_end
from proxy.backends.render import ToolCall
from proxy.engine.json_grammar import JsonRules, json_text, literal
from proxy.engine.trigger import Grammar

MAX_CALLS = 8
"""Of one answer; small models would go on calling until they are cut."""


@dataclass(frozen=True, slots=True)
class Function:
    """A tool that the client offers.

    Args:
        name: unique among them.
        parameters: a JSON schema of the arguments, which are an object.
        strict: whether a keyword of the schema that cannot be enforced is an error.
    """

    name: str
    parameters: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What the client offers.

    Args:
        definitions: as the client sent them, for the template.
        functions: those that may be called.
        choice: whether the model may call, or has to.
        is_parallel: whether one answer may hold several calls.
    """

    definitions: tuple[Mapping[str, Any], ...]
    functions: tuple[Function, ...]
    choice: Literal["auto", "required"]
    is_parallel: bool


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of writing calls.

    Args:
        opening: what a call starts with.
        before: what comes between `opening` and the name.
        between: what comes between the name and the arguments.
        after: what ends a call.
        key: the arguments' name in the call's JSON.
        at_start: whether `opening` counts at the answer's beginning only.
        repeats: whether an answer may hold several calls.
    """

    opening: str
    before: str
    between: str
    after: str
    key: str
    at_start: bool
    repeats: bool

    def grammar(self, tools: Tools, *, is_thinking: bool) -> Grammar:
        """What an answer has to look like, from the first call on or from its beginning.

        Raises:
            GrammarError: a function's parameters cannot be followed.
        """
        rules = JsonRules()
        calls = [
            rules.add(f"call{index}", self._call(rules, function))
            for index, function in enumerate(tools.functions)
        ]
        rules.add("rest", f"{literal(self.before)} ({' | '.join(calls)})")
        again = f"({literal(chr(10) + self.opening)} rest){{0,{MAX_CALLS - 1}}}"
        body = f"rest {again}" if tools.is_parallel and self.repeats else "rest"
        if tools.choice == "auto":
            rules.add("root", body)
            return Grammar(
                rules.text(), trigger=self.opening, at_start=self.at_start, is_thinking=is_thinking
            )
        blank = "[\\n]{0,2} " if is_thinking else ""
        rules.add("root", f"{blank}{literal(self.opening)} {body}")
        return Grammar(rules.text(), is_thinking=is_thinking)

    def _call(self, rules: JsonRules, function: Function) -> str:
        arguments = rules.visit(function.parameters, strict=function.strict)
        name = literal(json_text(function.name)[1:-1] + self.between)
        return f"{name} {arguments} {literal(self.after)}"


HERMES = Dialect(
    opening="<tool_call>",
    before='\n{"name": "',
    between='", "arguments": ',
    after="}\n</tool_call>",
    key="arguments",
    at_start=False,
    repeats=True,
)
"""Hermes, Qwen 2.5, Qwen 3 and many others."""

LLAMA3 = Dialect(
    opening="{",
    before='"name": "',
    between='", "parameters": ',
    after="}",
    key="parameters",
    at_start=True,
    repeats=False,
)
"""Llama 3.1 to 3.3: an answer is one call or none."""


class Read(NamedTuple):
    """The next piece of an answer."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


class CallReader:
    """Finds the calls in one answer as its text comes, cut anywhere.

    A call is given out when it is whole, so that its arguments are always JSON; one that was cut
    off is dropped. Whitespace around calls belongs to neither.

    Args:
        dialect: how this model writes them.
        names: the functions that were offered; anything else is text.
    """

    __slots__ = ("_dialect", "_has_text", "_held", "_names")

    def __init__(self, dialect: Dialect, names: Sequence[str]) -> None:
        self._dialect = dialect
        self._names = frozenset(names)
        self._held = ""
        self._has_text = False

    def feed(self, text: str) -> Read:
        """Take the next piece of text."""
        self._held += text
        shown: list[str] = []
        calls: list[ToolCall] = []
        while (part := self._next()) is not None:
            if isinstance(part, ToolCall):
                calls.append(part)
            else:
                shown.append(part)
                self._has_text = self._has_text or bool(part)
        return Read("".join(shown), tuple(calls))

    def finish(self, *, is_cut: bool) -> Read:
        """What was held back, once no more comes; `is_cut`: the answer did not end by itself."""
        rest, self._held = self._held, ""
        if not self._is_open(rest):
            return Read(rest)
        call = None if is_cut or not self._dialect.at_start else self._parse(rest)
        if call is not None:
            return Read(calls=(call,))
        return Read("" if is_cut else rest)

    def _is_open(self, text: str) -> bool:
        if self._dialect.at_start:
            return not self._has_text and text.lstrip().startswith(self._dialect.opening)
        return self._dialect.opening in text

    def _next(self) -> str | ToolCall | None:
        """The next call or stretch of text that is certain, taken out of what is held."""
        opening, closing = self._dialect.opening, self._dialect.after
        if self._dialect.at_start:
            # The whole answer is the call; only its end is certain.
            is_undecided = not self._has_text and not self._held.strip()
            return (
                None if is_undecided or self._is_open(self._held) else self._take(len(self._held))
            )
        start = self._held.find(opening)
        if start < 0:
            certain = self._held[: len(self._held) - partial_end(self._held, opening)].rstrip()
            return self._take(len(certain))
        if self._held[:start].strip():
            return self._take(len(self._held[:start].rstrip()))
        return self._take_call(start + len(opening), closing.rsplit("\n", 1)[-1])

    def _take_call(self, start: int, tag: str) -> ToolCall | None:
        end = self._held.find(tag, start)
        while end >= 0:
            # The tag may also stand within the arguments.
            if (call := self._parse(self._held[start:end])) is not None:
                self._held = self._held[end + len(tag) :]
                return call
            end = self._held.find(tag, end + 1)
        return None

    def _take(self, n_chars: int) -> str | None:
        taken, self._held = self._held[:n_chars], self._held[n_chars:]
        return taken or None

    def _parse(self, text: str) -> ToolCall | None:
        try:
            call = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(call, dict) or call.get("name") not in self._names:
            return None
        arguments = call.get(self._dialect.key, {})
        if not isinstance(arguments, dict):
            return None
        return ToolCall(f"call_{uuid4().hex[:24]}", call["name"], json_text(arguments))
