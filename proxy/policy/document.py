"""YAML text as data plus, for every value, the line it stands on and how it was written.

A policy should mean the same to every YAML reader, so what readers disagree on (tags, merge keys,
octal and sexagesimal numbers) is refused; what YAML 1.1 reads unexpectedly is kept as read and
explained where another type is needed. Work is bounded: size, depth and number of values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from proxy.errors import Problem
from proxy.policy.files import UnreadableError, decode_text, read_bounded
from proxy.policy.wording import shown

MAX_DEPTH = 20
MAX_VALUES = 20_000
MAX_PROBLEMS = 100

Location = tuple[str | int, ...]

_KEPT_TAGS = {
    "bool": "truth value",
    "int": "readable number",
    "float": "readable number",
    "null": "value",
    "timestamp": "date of the calendar",
}
_PLAIN_NUMBER = re.compile(
    r"[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_SYNTAX = (
    ("character '\\t'", "a tab stands where spaces are needed. Indent with spaces."),
    ("mapping values are not allowed", 'wrong indentation, or a text with ": " that wants quotes.'),
    ("expected <block end>", "wrong indentation: this line belongs to nothing above it."),
    ("could not find expected ':'", "a `:` is missing after a key, here or on the line before."),
    ("unexpected end of stream", "a quote is opened, but not closed."),
    ("expected ',' or", "a { or [ is not closed, or a comma is missing."),
    ("expected the node content", "a { or [ is not closed."),
    ("cannot start any token", "text that begins with this character needs quotes."),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands: its 1-based line and, for a scalar, the text it was written with."""

    line: int
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document.

    Args:
        file: its path as the user would type it.
        data: dicts with text keys, lists and scalars; None for an empty or unreadable document.
        marks: where each value stands, by its location in ``data``.
        problems: mistakes found so far.
    """

    file: str
    data: Any
    marks: Mapping[Location, Mark] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def mark(self, location: Location) -> Mark | None:
        """Return the mark of a value or, where it is missing, of what should hold it."""
        for end in range(len(location), -1, -1):
            if (mark := self.marks.get(location[:end])) is not None:
                return mark if end == len(location) else Mark(mark.line)
        return None

    def problem(self, location: Location, message: str) -> Problem:
        """Return a problem at a location, with its line."""
        mark = self.mark(location)
        return Problem(self.file, message, mark.line if mark else None, dotted(location))


def dotted(location: Location) -> str:
    """Return a location as people write it: ``demonstrations[1].user``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def read_yaml(path: Path, *, text: str | bytes | None = None) -> Document:
    """Read a YAML file; never raises: what is wrong is in the document's ``problems``.

    Args:
        path: the file, named in every problem as given here.
        text: its content, if it was read already.
    """
    file = str(path)
    try:
        content = read_bounded(path) if text is None else text
        decoded = decode_text(content) if isinstance(content, bytes) else content
    except UnreadableError as error:
        return Document(file, None, problems=(Problem(file, str(error), error.line),))
    builder = _Builder(file)
    try:
        data = builder.build(decoded)
    except _StopError as stop:
        return Document(file, None, problems=(*builder.problems, stop.problem))
    return Document(file, data, builder.marks, tuple(builder.problems))


class _StopError(Exception):
    """Reading cannot go on past this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Builder:
    """Builds data from the parser's events, which unlike its constructor costs bounded work."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.marks: dict[Location, Mark] = {}
        self.problems: list[Problem] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def build(self, text: str) -> Any:
        """Return the data of the only document; raises _StopError."""
        try:
            # Not the C loader: its messages and marks differ from one libyaml to the next.
            self._loader: Any = yaml.SafeLoader(text)
            return self._document()
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            message = (
                f"control character U+{ord(text[error.position]):04X} is not allowed. Remove it."
            )
            raise _StopError(Problem(self.file, message, line)) from error
        except yaml.MarkedYAMLError as error:
            said = str(error.problem)
            # A quote that never closes is noticed at the end of the file; show where it opens.
            is_open = "end of stream" in said and error.context_mark is not None
            mark = error.context_mark if is_open else error.problem_mark
            words = next((words for part, words in _SYNTAX if part in said), f"{said}.")
            line_number = mark.line + 1 if mark else None
            raise _StopError(Problem(self.file, f"not valid YAML: {words}", line_number)) from error
        except (ValueError, OverflowError) as error:  # PyYAML's own chr() and int()
            line = self._loader.line + 1
            message = (
                "not valid YAML: a number is too long, or an escape such as `\\U…` names no "
                "character. Correct it."
            )
            raise _StopError(Problem(self.file, message, line)) from error

    def _document(self) -> Any:
        loader = self._loader
        loader.get_event()  # stream start
        if loader.check_event(yaml.StreamEndEvent):
            return None
        loader.get_event()  # document start
        data = self._value(loader.get_event(), ())
        loader.get_event()  # document end
        if not loader.check_event(yaml.StreamEndEvent):
            line = loader.peek_event().start_mark.line + 1
            self._stop("a second document starts here. Keep one in a file.", line)
        return data

    def _value(self, event: Any, location: Location) -> Any:
        line = event.start_mark.line + 1
        if location not in self.marks:
            self.marks[location] = Mark(line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        before = self._values
        self._count(1, line)
        if len(location) > MAX_DEPTH:
            self._stop(f"nested deeper than {MAX_DEPTH} levels.", line)
        if event.tag not in {None, "!"}:
            self._note(location, line, "tags (`!…`) are not read here. Use quotes for text.")
        data: Any
        if isinstance(event, yaml.ScalarEvent):
            data = self._scalar(event, location, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            data = self._sequence(location)
        else:
            data = self._mapping(location)
        if event.anchor:
            self._anchors[event.anchor] = (data, self._values - before)
        return data

    def _alias(self, event: Any, line: int) -> Any:
        if event.anchor not in self._anchors:
            self._stop(f"`*{event.anchor}` refers to no `&{event.anchor}` above it.", line)
        data, size = self._anchors[event.anchor]
        self._count(size, line)
        return data

    def _sequence(self, location: Location) -> list[Any]:
        items: list[Any] = []
        while not self._loader.check_event(yaml.SequenceEndEvent):
            items.append(self._value(self._loader.get_event(), (*location, len(items))))
        self._loader.get_event()
        return items

    def _mapping(self, location: Location) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not self._loader.check_event(yaml.MappingEndEvent):
            key_event = self._loader.get_event()
            line = key_event.start_mark.line + 1
            if not isinstance(key_event, yaml.ScalarEvent):
                self._stop("a key must be plain text.", line)
            key = key_event.value
            at = (*location, key)
            if key == "<<":
                self._note(at, line, "merge keys are not read here. Write the entries out.")
            if key in entries:
                first = self.marks[at].line
                self._note(at, line, f"given twice; first on line {first}. Keep one of them.")
                self._forget(at)
            self.marks[at] = Mark(line)
            self._count(1, line)
            entries[key] = self._value(self._loader.get_event(), at)
        self._loader.get_event()
        entries.pop("<<", None)
        return entries

    def _scalar(self, event: Any, location: Location, line: int) -> Any:
        self.marks[location] = Mark(self.marks[location].line, event.value)
        if event.style is not None or event.tag is not None:
            return event.value
        tag = self._loader.resolve(yaml.ScalarNode, event.value, (True, False))
        kind = tag.rpartition(":")[2]
        if kind not in _KEPT_TAGS:
            return event.value
        try:
            data = self._loader.construct_object(yaml.ScalarNode(tag, event.value))
        except ValueError:
            self._note(location, line, f"{shown(event.value)} is not a {_KEPT_TAGS[kind]}.")
            return event.value
        if kind in {"int", "float"} and not _PLAIN_NUMBER.fullmatch(event.value):
            written = shown(event.value).strip('"')
            self._note(
                location, line, f"YAML reads {written} as {data}. Write plain decimal digits."
            )
        return data

    def _forget(self, at: Location) -> None:
        for location in [known for known in self.marks if known[: len(at)] == at]:
            del self.marks[location]

    def _count(self, more: int, line: int) -> None:
        self._values += more
        if self._values > MAX_VALUES:
            self._stop(f"holds more than {MAX_VALUES:,} values, aliases included.", line)

    def _note(self, location: Location, line: int, message: str) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            self._stop("too many mistakes to list. Correct those above first.", line)
        self.problems.append(Problem(self.file, message, line, dotted(location)))

    def _stop(self, message: str, line: int) -> None:
        raise _StopError(Problem(self.file, message, line))
