from __future__ import annotations

import json
import random
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.backends.tool_calls import HERMES, LLAMA3, CallReader, Dialect, Function, Read, Tools
from proxy.engine.gbnf import GrammarError, check_gbnf
from tests.proxy.engine.gbnf_writer import GbnfWriter
from tests.proxy.engine.schema_check import assert_valid
from tests.proxy.engine.test_json_grammar import SCHEMAS

CUTS = st.lists(st.integers(0, 500), max_size=12)
ADD = Function("add", {"type": "object", "properties": {"a": {"type": "integer"}}})
DIALECTS = [HERMES, LLAMA3]


def offer(
    *functions: Function,
    choice: Literal["auto", "required"] = "required",
    is_parallel: bool = True,
) -> Tools:
    """Tools, without the definitions that only templates need."""
    return Tools((), functions, choice, is_parallel)


def read(
    dialect: Dialect, text: str, cuts: list[int], *, names: tuple[str, ...] = ("add",),
    is_cut: bool = False,
) -> tuple[str, list[tuple[str, Any]]]:  # fmt: skip
    """Text and calls of an answer, from pieces cut anywhere."""
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    reader = CallReader(dialect, names)
    parts: list[Read] = [
        reader.feed(text[a:b]) for a, b in zip(places, places[1:], strict=False)  # noqa: RUF007 — empty pieces included
    ]  # fmt: skip
    parts.append(reader.finish(is_cut=is_cut))
    calls = [(call.name, json.loads(call.arguments)) for part in parts for call in part.calls]
    return "".join(part.text for part in parts), calls


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=60, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32), cuts=CUTS)
def test_what_the_grammar_makes_the_reader_finds(
    dialect: Dialect, schema: Any, seed: int, cuts: list[int]
) -> None:
    """Every call, however it is cut, with arguments of the schema; and nothing else."""
    parameters = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    tools = offer(ADD, Function("odd-name", parameters))
    grammar = dialect.grammar(tools, is_thinking=False)
    check_gbnf(grammar.text)
    text = GbnfWriter(grammar.text, random.Random(seed)).write()
    shown, calls = read(dialect, text, cuts, names=("add", "odd-name"))
    assert shown == ""
    assert calls
    for name, arguments in calls:
        assert_valid(arguments, parameters if name == "odd-name" else ADD.parameters)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_lazy_grammar_continues_where_a_call_opens(dialect: Dialect) -> None:
    """The trigger and what follows it are what a required call is."""
    grammar = dialect.grammar(offer(ADD, choice="auto"), is_thinking=False)
    assert grammar.trigger == dialect.opening
    text = grammar.trigger + GbnfWriter(grammar.text, random.Random(1)).write()
    assert read(dialect, text, [])[1]


def test_single_call_is_all_there_is_without_parallel_calls() -> None:
    """With them, several come."""
    counts = {}
    for is_parallel in (True, False):
        grammar = HERMES.grammar(offer(ADD, is_parallel=is_parallel), is_thinking=False)
        texts = [GbnfWriter(grammar.text, random.Random(seed)).write() for seed in range(20)]
        counts[is_parallel] = max(len(read(HERMES, text, [])[1]) for text in texts)
    assert counts[False] == 1
    assert counts[True] > 1


def test_call_after_thoughts_may_be_on_a_new_line() -> None:
    """The grammar waits for the thoughts' end."""
    grammar = HERMES.grammar(offer(ADD), is_thinking=True)
    assert grammar.is_lazy
    assert '[\\n]{0,2} "<tool_call>"' in grammar.text


CALL = '<tool_call>\n{"name": "add", "arguments": {"a": "</tool_call>"}}\n</tool_call>'
LLAMA_CALL = '{"name": "add", "parameters": {"a": 1}}'


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        (HERMES, f"Wait.\n{CALL}", ("Wait.", [("add", {"a": "</tool_call>"})])),
        (HERMES, f"{CALL}\n{CALL}", ("", [("add", {"a": "</tool_call>"})] * 2)),
        (HERMES, "No <tool call> here. \n", ("No <tool call> here. \n", [])),
        (HERMES, "<tool_call>oops</tool_call>", ("<tool_call>oops</tool_call>", [])),
        (HERMES, CALL.replace("add", "sub"), (CALL.replace("add", "sub"), [])),
        (LLAMA3, f" {LLAMA_CALL}", ("", [("add", {"a": 1})])),
        (LLAMA3, f"Set {LLAMA_CALL}", (f"Set {LLAMA_CALL}", [])),
        (LLAMA3, '{"a": 1}', ('{"a": 1}', [])),
        (LLAMA3, "  ", ("  ", [])),
    ],
)
@given(cuts=CUTS)
def test_calls_and_text_however_the_answer_is_cut(
    dialect: Dialect, text: str, expected: tuple[str, list[Any]], cuts: list[int]
) -> None:
    """What is no call of an offered function stays text."""
    assert read(dialect, text, cuts) == expected


@pytest.mark.parametrize("text", [f"Wait. {CALL[:-5]}", f"Wait. {CALL[:20]}"])
def test_call_that_was_cut_off_is_dropped(text: str) -> None:
    """Its arguments would not be JSON; text before it stays."""
    shown, calls = read(HERMES, text, [], is_cut=True)
    assert (shown.strip(), calls) == ("Wait.", [])
    assert read(LLAMA3, LLAMA_CALL[:-1], [], is_cut=True) == ("", [])


def test_parameters_that_cannot_be_followed_are_an_error() -> None:
    """Only where the function is strict, if it is just a keyword too many."""
    parameters = {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}
    HERMES.grammar(offer(Function("f", parameters)), is_thinking=False)
    with pytest.raises(GrammarError, match="pattern"):
        HERMES.grammar(offer(Function("f", parameters, strict=True)), is_thinking=False)
