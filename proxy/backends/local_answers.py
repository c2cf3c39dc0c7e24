"""What clients see of the engine's answers: content, thoughts, calls and figures, as they come."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proxy.backends.reasoning import ReasoningSplitter, Split
from proxy.backends.render import Choice, ChunkTemplate, ToolCall
from proxy.backends.tool_calls import CallReader, Dialect
from proxy.domain import Usage
from proxy.engine.engine import Piece
from proxy.engine.logprobs import Logprob, TokenLogprobs

_LEAST_LOGPROB = -9999.0
"""JSON has no infinity; OpenAI writes this, too."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the answers of one request are to be read.

    Args:
        thinks: whether the model's template knows ``<think>``.
        is_thinking: whether the prompt has opened it already.
        dialect: how calls are written; None where there are no tools.
        functions: names of those that may be called.
        has_logprobs: whether figures are wanted.
    """

    thinks: bool = False
    is_thinking: bool = False
    dialect: Dialect | None = None
    functions: tuple[str, ...] = ()
    has_logprobs: bool = False


class Delta(NamedTuple):
    """The next piece of one answer.

    Args:
        content: the answer itself, which is what judges see.
        reasoning: thoughts.
        calls: whole ones.
        logprobs: of every token since the last piece, whatever it belongs to; None if not wanted.
        finish_reason: on the last piece.
    """

    content: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    logprobs: list[dict[str, Any]] | None = None
    finish_reason: str | None = None


class AnswerReader:
    """Reads one answer as it comes.

    Args:
        reading: what to look for.
    """

    __slots__ = ("_calls", "_n_calls", "_reading", "_splitter")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._splitter = (
            ReasoningSplitter(is_thinking=reading.is_thinking) if reading.thinks else None
        )
        dialect = reading.dialect
        self._calls = None if dialect is None else CallReader(dialect, reading.functions)
        self._n_calls = 0

    def read(self, piece: Piece) -> Delta:
        """What a piece from the engine adds to the answer."""
        logprobs = openai_logprobs(piece.logprobs) if self._reading.has_logprobs else None
        if self._splitter is None and self._calls is None:
            return Delta(piece.text, logprobs=logprobs, finish_reason=piece.finish_reason)
        split = self._split(piece)
        content, calls = self._find_calls(split.answer, piece)
        self._n_calls += len(calls)
        is_call = piece.finish_reason == "stop" and self._n_calls > 0
        reason = "tool_calls" if is_call else piece.finish_reason
        return Delta(content, split.reasoning, calls, logprobs, reason)

    def _split(self, piece: Piece) -> Split:
        if self._splitter is None:
            return Split(answer=piece.text)
        split = self._splitter.feed(piece.text)
        if piece.finish_reason is None:
            return split
        rest = self._splitter.finish()
        return Split(split.reasoning + rest.reasoning, split.answer + rest.answer)

    def _find_calls(self, answer: str, piece: Piece) -> tuple[str, tuple[ToolCall, ...]]:
        if self._calls is None:
            return answer, ()
        text, calls = self._calls.feed(answer)
        if piece.finish_reason is not None:
            last_text, last_calls = self._calls.finish(is_cut=piece.finish_reason == "length")
            text, calls = text + last_text, calls + last_calls
        return text, calls


@dataclass(slots=True)
class Gathered:
    """One whole answer, put together from its pieces."""

    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[dict[str, Any]] | None = None
    finish_reason: str = "stop"

    def add(self, delta: Delta) -> None:
        """Take the next piece."""
        self.content.append(delta.content)
        self.reasoning.append(delta.reasoning)
        self.calls.extend(delta.calls)
        if delta.logprobs is not None:
            self.logprobs = self.logprobs or []
            self.logprobs += delta.logprobs
        self.finish_reason = delta.finish_reason or self.finish_reason

    @property
    def choice(self) -> Choice:
        """As it goes into a plain response."""
        content, reasoning = "".join(self.content), "".join(self.reasoning)
        return Choice(content, self.finish_reason, reasoning, self.calls, self.logprobs)


class Step(NamedTuple):
    """What one step of the engine said of which answers, and the token counts so far."""

    deltas: list[tuple[int, Delta]]
    usage: Usage


class FrameWriter:
    """Renders the pieces of one stream.

    Args:
        template: renders single chunks.
        n_choices: how many answers there are.
    """

    __slots__ = ("_n_calls", "_template")

    def __init__(self, template: ChunkTemplate, *, n_choices: int) -> None:
        self._template = template
        self._n_calls = [0] * n_choices

    def step(self, step: Step) -> Iterator[bytes]:
        """The chunks of one step."""
        for index, delta in step.deltas:
            yield from self._chunks(delta, index)

    def _chunks(self, delta: Delta, index: int) -> Iterator[bytes]:
        template = self._template
        if delta.reasoning:
            yield template.reasoning(delta.reasoning, index=index)
        if delta.content or delta.logprobs:
            yield template.delta(delta.content, index=index, logprobs=delta.logprobs)
        for call in delta.calls:
            yield template.tool_call(call, place=self._n_calls[index], index=index)
            self._n_calls[index] += 1
        if delta.finish_reason:
            yield template.finish(delta.finish_reason, index=index)


async def frames(
    template: ChunkTemplate, first: Step, rest: AsyncIterator[Step], *, n_choices: int
) -> AsyncIterator[bytes]:
    """A whole stream: one chunk of bytes for each step, however many choices it moved."""
    writer = FrameWriter(template, n_choices=n_choices)
    opening = [template.role(index=index) for index in range(n_choices)]
    yield b"".join([*opening, *writer.step(first)])
    usage = first.usage
    async for step in rest:
        if moved := b"".join(writer.step(step)):
            yield moved
        usage = step.usage
    yield template.end(usage)


def openai_logprobs(tokens: Sequence[TokenLogprobs]) -> list[dict[str, Any]]:
    """The engine's figures as OpenAI writes them."""
    return [
        {**_figure(one.chosen), "top_logprobs": [_figure(best) for best in one.top]}
        for one in tokens
    ]


def _figure(one: Logprob) -> dict[str, Any]:
    return {
        "token": one.piece.decode(errors="replace"),
        "logprob": one.logprob if math.isfinite(one.logprob) else _LEAST_LOGPROB,
        "bytes": list(one.piece),
    }
