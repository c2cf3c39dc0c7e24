from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

from proxy.backends.local_answers import (
    AnswerReader,
    Delta,
    Gathered,
    Reading,
    Step,
    frames,
    openai_logprobs,
)
from proxy.backends.render import Answer, ChunkTemplate, ToolCall
from proxy.backends.tool_calls import HERMES
from proxy.domain import Usage
from proxy.engine.engine import Piece
from proxy.engine.logprobs import Logprob, TokenLogprobs

CALL = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'


def read(reading: Reading, *texts: str, reason: Any = "stop") -> list[Delta]:
    """What each piece adds; the last one ends the answer."""
    reader = AnswerReader(reading)
    pieces = [Piece(0, text) for text in texts[:-1]] + [Piece(0, texts[-1], reason)]
    return [reader.read(piece) for piece in pieces]


def test_plain_answer_is_passed_through() -> None:
    """The common case: nothing to look for."""
    assert read(Reading(), "a", "b") == [Delta("a"), Delta("b", finish_reason="stop")]


def test_thoughts_then_a_call() -> None:
    """What a reasoning model with tools says; a call within thoughts is none."""
    reading = Reading(thinks=True, is_thinking=True, dialect=HERMES, functions=("f",))
    deltas = read(reading, f"Hm. {CALL}", f" So:</think>\n{CALL}", "")
    gathered = Gathered()
    for delta in deltas:
        gathered.add(delta)
    assert gathered.choice.reasoning == f"Hm. {CALL} So:"
    assert gathered.choice.text == ""
    assert [call.name for call in gathered.choice.tool_calls] == ["f"]
    assert gathered.choice.finish_reason == "tool_calls"


def test_answer_that_was_cut_says_so_even_with_calls() -> None:
    """`length` is not `tool_calls`."""
    reading = Reading(dialect=HERMES, functions=("f",))
    deltas = read(reading, CALL, "\n<tool_c", reason="length")
    assert [call.name for delta in deltas for call in delta.calls] == ["f"]
    assert deltas[-1].finish_reason == "length"
    assert "".join(delta.content for delta in deltas).strip() in {"", "<tool_c"}


def test_stream_numbers_the_calls_of_each_choice() -> None:
    """Clients put them together by that number."""
    call = ToolCall("call_1", "f", "{}")
    first = Step([(0, Delta(calls=(call,))), (1, Delta("x"))], Usage(1, 1))

    async def rest() -> AsyncIterator[Step]:
        yield Step([(0, Delta())], Usage(1, 2))
        yield Step([(0, Delta(calls=(call,), finish_reason="tool_calls"))], Usage(1, 3))

    async def scenario() -> list[bytes]:
        template = ChunkTemplate(Answer("id", "m", 0))
        return [chunk async for chunk in frames(template, first, rest(), n_choices=2)]

    chunks = asyncio.run(scenario())
    assert len(chunks) == 3  # a step that moved nothing sends nothing
    lines = b"".join(chunks).decode().split("\n\n")[:-2]
    choices = [json.loads(line[6:])["choices"][0] for line in lines]
    calls = [c for choice in choices for c in choice["delta"].get("tool_calls", [])]
    assert [one["index"] for one in calls] == [0, 1]
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_figures_in_openais_form() -> None:
    """Half a character has bytes; minus infinity has a stand-in, as JSON has none."""
    half = Logprob(b"\xc3", -0.5)
    (figure,) = openai_logprobs([TokenLogprobs(half, (half, Logprob(b"b", -math.inf)))])
    assert figure["token"] == "\ufffd"
    assert figure["bytes"] == [0xC3]
    assert [one["logprob"] for one in figure["top_logprobs"]] == [-0.5, -9999.0]
    reading = Reading(has_logprobs=True)
    assert AnswerReader(reading).read(Piece(0, "a")).logprobs == []
    assert AnswerReader(Reading()).read(Piece(0, "a")).logprobs is None
