from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.backends.local_tools import (
    parse_tools,
    template_dialect,
    with_preamble,
    without_tool_turns,
)
from proxy.backends.tool_calls import HERMES, LLAMA3, Tools
from proxy.errors import RequestError


def tool(name: Any = "add", **more: Any) -> dict[str, Any]:
    """A definition as clients send it."""
    return {"type": "function", "function": {"name": name, **more}}


def parse(**fields: Any) -> Tools:
    """Where something is on offer."""
    tools = parse_tools(fields)
    assert tools is not None
    return tools


def test_functions_arrive_with_their_schemas() -> None:
    """Without parameters a function takes an empty object."""
    tools = parse(tools=[tool(), tool("sub", parameters={"properties": {"a": {}}}, strict=True)])
    assert [one.name for one in tools.functions] == ["add", "sub"]
    assert tools.functions[0].parameters == {"type": "object", "properties": {}}
    assert tools.functions[1].parameters == {"type": "object", "properties": {"a": {}}}
    assert [one.strict for one in tools.functions] == [False, True]
    assert (tools.choice, tools.is_parallel) == ("auto", True)


def test_named_function_is_the_only_one_that_may_be_called() -> None:
    """And has to be; the prompt still explains all of them."""
    choice = {"type": "function", "function": {"name": "sub"}}
    tools = parse(tools=[tool(), tool("sub")], tool_choice=choice)
    assert tools.choice == "required"
    assert [one.name for one in tools.functions] == ["sub"]
    assert len(tools.definitions) == 2


def test_nothing_is_on_offer_without_tools_or_by_choice() -> None:
    """The two are the same to the model."""
    assert parse_tools({}) is None
    assert parse_tools({"tools": [], "tool_choice": "auto"}) is None
    assert parse_tools({"tools": [tool()], "tool_choice": "none"}) is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [tool()] * 2}, "tools"),
        ({"tools": [tool(str(n)) for n in range(129)]}, "tools"),
        ({"tools": [{"type": "custom"}]}, "tools[0]"),
        ({"tools": [tool("a b")]}, "tools[0].function.name"),
        ({"tools": [tool(5)]}, "tools[0].function.name"),
        ({"tools": [tool(parameters=5)]}, "tools[0].function.parameters"),
        ({"tools": [tool(parameters={"type": "array"})]}, "tools[0].function.parameters"),
        ({"tools": [tool()], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": {"function": {"name": "sub"}}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ],
)
def test_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    """By its place."""
    with pytest.raises(RequestError) as caught:
        parse_tools(fields)
    assert caught.value.param == param


def test_template_says_which_dialect_its_model_was_trained_on() -> None:
    """One that knows none of ours gets the preamble."""
    hermes = "{{ tool_call.arguments | tojson }}<tool_call></tool_call>"
    assert template_dialect(hermes) is HERMES
    assert template_dialect('{% if tools %}Environment: ipython "parameters"{% endif %}') is LLAMA3
    assert template_dialect("<tool_call><function={{ name }}> arguments") is None
    assert template_dialect("{% for m in messages %}{{ m.content }}{% endfor %}") is None


def test_preamble_goes_behind_the_system_message() -> None:
    """Or becomes one; the functions are JSON lines in it."""
    tools = parse(tools=[tool(description="A+B")])
    user = {"role": "user", "content": "Hi"}
    (system, same) = with_preamble([user], tools)
    assert same == user
    assert json.loads(system["content"].splitlines()[1]) == {"name": "add", "description": "A+B"}
    (merged, _) = with_preamble([{"role": "system", "content": "Be brief."}, user], tools)
    assert merged["content"] == f"Be brief.\n\n{system['content']}"


def test_calls_and_results_become_plain_turns() -> None:
    """In the form that the preamble explains; results in a row are one turn."""
    call = {"id": "1", "function": {"name": "add", "arguments": {"a": 1}}}
    plain = without_tool_turns([
        {"role": "user", "content": "Add."},
        {"role": "assistant", "content": "Well.", "tool_calls": [call, call]},
        {"role": "tool", "content": "2", "tool_call_id": "1"},
        {"role": "tool", "content": "3"},
        {"role": "user", "content": "So?"},
    ])  # fmt: skip
    assert [message["role"] for message in plain] == ["user", "assistant", "user", "user"]
    once = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
    assert plain[1]["content"] == f"Well.\n{once}\n{once}"
    assert plain[2] == {
        "role": "user",
        "content": "<tool_response>\n2\n</tool_response>\n<tool_response>\n3\n</tool_response>",
    }
