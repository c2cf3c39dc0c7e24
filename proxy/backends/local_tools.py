"""The fields ``tools``, ``tool_choice`` and ``parallel_tool_calls``, and tools in the prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from proxy.backends.tool_calls import HERMES, LLAMA3, Dialect, Function, Tools
from proxy.engine.json_grammar import json_text
from proxy.errors import RequestError

MAX_TOOLS = 128
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NO_PARAMETERS = {"type": "object", "properties": {}}

PREAMBLE = """\
You may call these functions:
{functions}
To call one, answer with nothing but
<tool_call>
{{"name": "the function's name", "arguments": {{its arguments}}}}
</tool_call>
Its result comes within <tool_response></tool_response>."""
"""Goes behind the system message of models whose template knows no tools."""


def parse_tools(given: Mapping[str, Any]) -> Tools | None:
    """What the client offers; None where nothing may be called.

    Raises:
        RequestError: a field is wrong; names it.
    """
    is_parallel = given.get("parallel_tool_calls", True)
    if not isinstance(is_parallel, bool):
        raise _wrong("parallel_tool_calls", "must be true or false")
    definitions = given.get("tools", [])
    if not isinstance(definitions, list) or len(definitions) > MAX_TOOLS:
        raise _wrong("tools", f"must be a list of at most {MAX_TOOLS} functions")
    functions = [_function(one, f"tools[{index}]") for index, one in enumerate(definitions)]
    if len({function.name for function in functions}) < len(functions):
        raise _wrong("tools", "two functions have the same name")
    choice, names = _choice(given.get("tool_choice", "auto"), [one.name for one in functions])
    if not functions or choice == "none":
        return None
    callable_ones = tuple(one for one in functions if one.name in names)
    return Tools(tuple(definitions), callable_ones, choice, is_parallel)


def _function(definition: Any, where: str) -> Function:
    is_function = isinstance(definition, Mapping) and definition.get("type") == "function"
    function = definition.get("function") if is_function else None
    if not isinstance(function, Mapping):
        raise _wrong(where, 'must be {"type": "function", "function": {…}}')
    name, parameters = function.get("name"), function.get("parameters") or _NO_PARAMETERS
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong(f"{where}.function.name", "must be 1 to 64 letters, digits, '_', '.' or '-'")
    if not isinstance(parameters, Mapping):
        raise _wrong(f"{where}.function.parameters", "must be a JSON schema")
    if parameters.get("type", "object") != "object":
        raise _wrong(f"{where}.function.parameters", "must be a schema of type object")
    return Function(name, {**parameters, "type": "object"}, function.get("strict") is True)


def _choice(
    value: Any, names: Sequence[str]
) -> tuple[Literal["none", "auto", "required"], Sequence[str]]:
    if value == "required" and not names:
        raise _wrong("tool_choice", "there are no tools to choose from")
    if value in ("none", "auto", "required"):
        return value, names
    function = value.get("function") if isinstance(value, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if name is None:
        raise _wrong("tool_choice", "must be none, auto, required or name a function")
    if name not in names:
        raise _wrong("tool_choice", f"there is no tool {str(name)[:80]!r}")
    return "required", [name]


def template_dialect(source: str) -> Dialect | None:
    """The dialect that a chat template explains to its model; None where it knows none of ours.

    Args:
        source: the Jinja text.
    """
    if "<tool_call>" in source and "<function=" not in source and "arguments" in source:
        return HERMES
    if "ipython" in source and "parameters" in source and "tools" in source:
        return LLAMA3
    return None


def with_preamble(messages: Sequence[Mapping[str, Any]], tools: Tools) -> list[dict[str, Any]]:
    """Messages with the tools explained in the system message, for templates without tools."""
    functions = "\n".join(json_text(one["function"]) for one in tools.definitions)
    preamble = PREAMBLE.format(functions=functions)
    plain = list(map(dict, messages))
    if plain and plain[0]["role"] == "system":
        plain[0] = {**plain[0], "content": f"{plain[0]['content']}\n\n{preamble}".lstrip()}
        return plain
    return [{"role": "system", "content": preamble}, *plain]


def without_tool_turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Calls and results as text in plain turns, in the Hermes form, for such templates."""
    plain: list[dict[str, Any]] = []
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "tool":
            content = f"<tool_response>\n{content}\n</tool_response>"
            if plain and plain[-1].get("is_result"):
                plain[-1]["content"] += f"\n{content}"
                continue
            plain.append({"role": "user", "content": content, "is_result": True})
        else:
            calls = [_written(call["function"]) for call in message.get("tool_calls", ())]
            plain.append({"role": role, "content": "\n".join(filter(None, [content, *calls]))})
    return [{"role": one["role"], "content": one["content"]} for one in plain]


def _written(function: Mapping[str, Any]) -> str:
    call = json_text({"name": function["name"], "arguments": function["arguments"]})
    return f"<tool_call>\n{call}\n</tool_call>"


def _wrong(param: str, what: str) -> RequestError:
    return RequestError(f"{param}: {what}.", param=param)
