"""Answers in OpenAI's wire form, for backends that hold text and not an upstream's bytes.

A stream's chunks differ only in the delta: everything before and after it is rendered once, so that
a token costs one JSON string and one join.

Source: https://platform.openai.com/docs/api-reference/chat/object and …/chat/streaming
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from proxy.domain import Usage

JSON_HEADERS = ((b"content-type", b"application/json"),)
SSE_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # nginx buffers a stream otherwise, and the client sees it all at once.
    (b"x-accel-buffering", b"no"),
)
DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


class ToolCall(NamedTuple):
    """One call; `arguments` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


class Choice(NamedTuple):
    """One answer of a plain response; `logprobs` in OpenAI's form, of its content's tokens."""

    text: str
    finish_reason: str
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    logprobs: list[dict[str, Any]] | None = None


class Answer(NamedTuple):
    """What is said once about an answer.

    Args:
        id: ``chatcmpl-…``, the same in all chunks.
        model: the served name.
        created: seconds since the epoch.
    """

    id: str
    model: str
    created: int


def new_id() -> str:
    """A fresh ``chatcmpl-…`` id."""
    return f"chatcmpl-{uuid4().hex}"


def completion(answer: Answer, choices: Sequence[Choice], usage: Usage) -> bytes:
    """The body of an answer that is not streamed: a ``chat.completion``."""
    body = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [
            {
                "index": index,
                "message": _message(choice),
                "logprobs": _logprobs(choice.logprobs),
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(choices)
        ],
        "usage": _usage(usage),
    }
    return _encode(body)


class ChunkTemplate:
    """Renders one stream's server-sent events.

    Args:
        answer: what all chunks share.
        include_usage: the client's ``stream_options.include_usage``; every other chunk then says
            ``"usage": null``, as OpenAI's do.
    """

    __slots__ = ("_head", "_include_usage", "_tail")

    def __init__(self, answer: Answer, *, include_usage: bool = False) -> None:
        self._include_usage = include_usage
        self._head = (
            b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":['
            % (_encode(answer.id), answer.created, _encode(answer.model))
        )
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"

    def role(self, *, index: int = 0) -> bytes:
        """The first chunk of a choice."""
        return self._choice(index, b'{"role":"assistant","content":""}', b"null")

    def delta(
        self, text: str, *, index: int = 0, logprobs: list[dict[str, Any]] | None = None
    ) -> bytes:
        """A piece of text, and the figures of its tokens where they are wanted."""
        delta = b'{"content":%b}' % _encode(text)
        if logprobs is None:
            return self._choice(index, delta, b"null")
        return self._choice(index, delta, b"null", _encode(_logprobs(logprobs)))

    def reasoning(self, text: str, *, index: int = 0) -> bytes:
        """A piece of what the model thinks."""
        return self._choice(index, b'{"reasoning_content":%b}' % _encode(text), b"null")

    def tool_call(self, call: ToolCall, *, place: int, index: int = 0) -> bytes:
        """A whole call; `place` counts the calls of this choice from 0."""
        delta = {"tool_calls": [{"index": place, **_tool_call(call)}]}
        return self._choice(index, _encode(delta), b"null")

    def finish(self, finish_reason: str, *, index: int = 0) -> bytes:
        """The last chunk of a choice."""
        return self._choice(index, b"{}", _encode(finish_reason))

    def end(self, usage: Usage) -> bytes:
        """What closes the stream: the usage chunk, if asked for, and ``[DONE]``."""
        if not self._include_usage:
            return DONE
        return b'%b],"usage":%b}\n\n%b' % (self._head, _encode(_usage(usage)), DONE)

    def _choice(
        self, index: int, delta: bytes, finish_reason: bytes, logprobs: bytes = b"null"
    ) -> bytes:
        return b'%b{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}%b' % (
            self._head,
            index,
            delta,
            logprobs,
            finish_reason,
            self._tail,
        )


def _message(choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": None}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["content"] = choice.text or None
        message["tool_calls"] = [_tool_call(call) for call in choice.tool_calls]
    return message


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _logprobs(tokens: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    return None if tokens is None else {"content": tokens, "refusal": None}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
