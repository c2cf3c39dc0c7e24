"""A request body becomes a :class:`~proxy.domain.ChatRequest`: decoded once, checked once.

Only fields that some room of ours relies on are checked; all else survives untouched, because the
servers behind us have fields of their own.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

from proxy.backends.folded_names import refuse_folded
from proxy.domain import ChatRequest
from proxy.errors import RequestError


class ChatMessage(msgspec.Struct):
    """One turn; what else it has depends on its role."""

    role: str
    content: str | list[dict[str, Any]] | None = None


class ChatBody(msgspec.Struct):
    """The fields we rely on; null stands for absent, as OpenAI has it."""

    model: str
    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    logit_bias: dict[str, float] | None = None
    tools: list[dict[str, Any]] | None = None
    user: str | None = None


_object = msgspec.json.Decoder(dict[str, Any])
_WHERE = re.compile(r" - at `\$\.?(?P<path>.*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")


def decode_chat(
    body: bytes,
    *,
    request_id: str = "",
    key_id: str | None = None,
    conversation: str | None = None,
) -> ChatRequest:
    """Decode the body of a chat completion.

    Args:
        body: as the client sent it; kept as ``raw``.
        request_id: see :class:`~proxy.domain.ChatRequest`, as the next two.
        key_id: the API key's id.
        conversation: the client's ``x-guardtune-conversation``.

    Raises:
        RequestError: 400; the JSON is broken (with the position), nested too deeply, a field has
            the wrong type (with its path in ``param``), or the name of one that matters is written
            in other letters, see `refuse_folded`.
    """
    fields = decode_checked(body, ChatBody)
    return ChatRequest(
        model=fields.pop("model"),
        messages=tuple(fields.pop("messages")),
        fields=fields,
        raw=body,
        key_id=key_id,
        conversation=conversation,
        request_id=request_id,
    )


def decode_checked(body: bytes, checked: type[msgspec.Struct]) -> dict[str, Any]:
    """Decode a JSON object, and check those of its fields that a struct names.

    Raises:
        RequestError: as `decode_chat` says.
    """
    try:
        fields = _object.decode(body)
    except RecursionError:
        raise RequestError("The request body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise RequestError("The request body is not valid UTF-8.") from None
    except msgspec.ValidationError as error:
        raise RequestError(f"The request body must be a JSON object: {error}.") from None
    except msgspec.DecodeError as error:
        reason = str(error)
        where = "" if "(byte " in reason else f" (byte {len(body)})"
        raise RequestError(f"The request body is not valid JSON: {reason}{where}.") from None
    try:
        msgspec.convert(fields, checked)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from None
    refuse_folded(fields, checked.__struct_fields__)
    return fields


def _wrong_field(reason: str) -> RequestError:
    """Name the field as OpenAI does, ``messages[0].content``; the user's value stays out."""
    where = _WHERE.search(reason)
    what = _WHERE.sub("", reason)
    path = where["path"] if where else ""
    if missing := _MISSING.search(what):
        param = f"{path}.{missing['name']}" if path else missing["name"]
        return RequestError(
            f"Missing required field `{param}`.", param=param, code="missing_required_parameter"
        )
    what = what[:1].lower() + what[1:]
    return RequestError(f"Wrong type for `{path}`: {what}.", param=path, code="invalid_type")
