"""OpenAI chat messages → the plain ones that chat templates of local models know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.errors import RequestError

_ROLES = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
    "tool": "tool",
}  # fmt: skip


def plain_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages with ``role``, a string ``content`` and what belongs to tools and thoughts.

    ``developer`` becomes ``system``; the arguments of ``tool_calls`` become objects, as templates
    want them.

    Raises:
        RequestError: no messages, an unknown role, malformed calls, or content that is not text;
            names the message by its place.
    """
    if not messages:
        raise RequestError("messages: there must be at least one.", param="messages")
    return [_plain(message, f"messages[{index}]") for index, message in enumerate(messages)]


def _plain(message: Mapping[str, Any], where: str) -> dict[str, Any]:
    given = message.get("role")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        raise _refuse(f"{where}.role: must be one of {', '.join(_ROLES)}", f"{where}.role")
    content = _content(message.get("content"), role, f"{where}.content")
    plain: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant":
        if calls := message.get("tool_calls"):
            plain["tool_calls"] = _calls(calls, f"{where}.tool_calls")
        if isinstance(message.get("reasoning_content"), str):
            plain["reasoning_content"] = message["reasoning_content"]
    if role == "tool":
        names = ("name", "tool_call_id")
        plain |= {name: message[name] for name in names if isinstance(message.get(name), str)}
    return plain


def _calls(calls: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(calls, list):
        raise _refuse(f"{where}: must be a list", where)
    return [_call(call, f"{where}[{index}]") for index, call in enumerate(calls)]


def _call(call: Any, where: str) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str):
        raise _refuse(f"{where}.function: must have a name", f"{where}.function")
    arguments = function.get("arguments") or "{}"
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            arguments = None
    if not isinstance(arguments, Mapping):
        param = f"{where}.function.arguments"
        raise _refuse(f"{param}: must be the text of a JSON object", param)
    id_ = call.get("id")
    function = {"name": name, "arguments": arguments}
    return {"id": id_ if isinstance(id_, str) else "", "type": "function", "function": function}


def _content(content: Any, role: str, where: str) -> str:
    if isinstance(content, str):
        return content
    if content is None and role == "assistant":
        return ""
    if not isinstance(content, list):
        raise _refuse(f"{where}: must be a string or a list of parts", where)
    return "\n".join(_part(part, f"{where}[{index}]") for index, part in enumerate(content))


def _part(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind not in {"text", "refusal"}:
        raise _refuse(f"{where}: only parts of type text are supported by this model", where)
    text = part.get(kind)
    if not isinstance(text, str):
        raise _refuse(f"{where}.{kind}: must be a string", f"{where}.{kind}")
    return text


def _refuse(what: str, param: str) -> RequestError:
    return RequestError(f"{what}.", param=param)
