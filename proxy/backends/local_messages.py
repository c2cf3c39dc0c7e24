"""OpenAI chat messages → the plain ones that chat templates of local models know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.errors import RequestError

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def plain_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Messages with just ``role`` and a string ``content``; ``developer`` becomes ``system``.

    Raises:
        RequestError: no messages, an unknown role, a tool's turn, or content that is not text;
            names the message by its place.
    """
    if not messages:
        raise RequestError("messages: there must be at least one.", param="messages")
    return [_plain(message, f"messages[{index}]") for index, message in enumerate(messages)]


def _plain(message: Mapping[str, Any], where: str) -> dict[str, str]:
    given = message.get("role")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if given in ("tool", "function") or message.get("tool_calls"):
        raise _refuse(f"{where}: tools are not supported by the llama_cpp backend", where)
    if role is None:
        raise _refuse(f"{where}.role: must be one of {', '.join(_ROLES)}", f"{where}.role")
    return {"role": role, "content": _content(message.get("content"), role, f"{where}.content")}


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
