"""Request bodies of routes other than chat, as :class:`~proxy.domain.ChatRequest`; see `decode`.

Their fields are kept as they came, for the server. ``messages`` is a reading of them, for policies
that stick to a conversation and for judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import msgspec

from proxy.domain import ChatRequest, Message
from proxy.policy.input_items import conversation_of
from proxy.wire.decode import decode_checked


class Origin(TypedDict, total=False):
    """What is known of a request beside its body, as `decode_chat` takes it."""

    request_id: str
    key_id: str | None
    conversation: str | None


class NamedBody(msgspec.Struct):
    """A body of any route: all we need to know is whom it is for."""

    model: str
    stream: bool | None = None


class CompletionBody(NamedBody):
    """A text to continue: the fields we rely on."""

    prompt: str | list[Any] | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None


class ResponseBody(NamedBody):
    """A request of the Responses API: the fields we rely on."""

    input: str | list[dict[str, Any]] | None = None
    instructions: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    truncation: str | None = None
    user: str | None = None


def decode_completion(body: bytes, **origin: Unpack[Origin]) -> ChatRequest:
    """Decode a text completion. Raises RequestError as `decode_chat` does.

    Its first prompt counts as what the user said, unless it is sent as tokens: nobody here can read
    those.
    """
    fields = decode_checked(body, CompletionBody)
    prompts = _prompts(fields.get("prompt"))
    first = prompts[0] if prompts else ""
    messages = [{"role": "user", "content": first}] if isinstance(first, str) else []
    return _request(body, fields, messages, origin, n_prompts=max(1, len(prompts)))


def decode_response(body: bytes, **origin: Unpack[Origin]) -> ChatRequest:
    """Decode a request of the Responses API. Raises RequestError as `decode_chat` does."""
    fields = decode_checked(body, ResponseBody)
    return _request(body, fields, conversation_of(fields), origin)


def decode_named(body: bytes, **origin: Unpack[Origin]) -> ChatRequest:
    """Decode a request of which only the model matters. Raises RequestError as `decode_chat`."""
    return _request(body, decode_checked(body, NamedBody), (), origin)


def _prompts(prompt: Any) -> Sequence[Any]:
    """Return them one by one: a list may hold texts, lists of tokens, or the tokens of one."""
    if not isinstance(prompt, list):
        return [prompt or ""]
    return [prompt] if prompt and isinstance(prompt[0], int) else prompt


def _request(
    body: bytes,
    fields: dict[str, Any],
    messages: Sequence[Message],
    origin: Origin,
    *,
    n_prompts: int = 1,
) -> ChatRequest:
    return ChatRequest(
        model=fields.pop("model"),
        messages=tuple(messages),
        fields=fields,
        raw=body,
        n_prompts=n_prompts,
        **origin,
    )
